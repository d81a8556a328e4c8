import cv2
import numpy as np
import pytest
from PIL import Image

from tfhash.data import checks, folders


def write(folder, **counts):
    for number, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir()
        for place in range(count):
            image = np.full((5, 5, 3), number * 50 + place, np.uint8)
            cv2.imwrite(str(folder / name / f"{place:02}.png"), image)
    return folder


def test_sub_folders_are_the_classes_in_order(tmp_path):
    loaded = folders.load(write(tmp_path, oak=10, ash=10))
    assert loaded.classes == ("ash", "oak")
    assert all(
        loaded.classes[row.argmax()] in loaded.database.name(position)
        for position, row in enumerate(loaded.database.labels)
    )


def test_a_tenth_are_queries_and_half_of_a_small_rest_is_labelled(tmp_path):
    loaded = folders.load(write(tmp_path, ash=20, oak=40))
    checks.check(loaded)
    assert [len(part) for part in loaded.parts().values()] == [54, 6, 54]
    assert loaded.query.labels.sum(axis=0).tolist() == [2, 4]
    assert loaded.train.labelled.sum() == 27


def test_images_are_resized_to_32_or_as_asked(tmp_path):
    write(tmp_path, ash=3, oak=3)
    assert folders.load(tmp_path).query.images.shape == (32, 32, 3)
    assert folders.load(tmp_path, (7, 9)).query.read([0]).shape == (1, 7, 9, 3)


def test_the_seed_decides_the_split(tmp_path):
    write(tmp_path, ash=30, oak=30)
    one, same, other = (folders.load(tmp_path, seed=s).query.index.tolist() for s in (0, 0, 1))
    assert one == same != other


def test_a_class_is_the_first_level_whatever_lies_below(tmp_path):
    write(tmp_path, ash=4, oak=4)
    for name in ("ash/2019/may/a.png", "ash/2020/b.jpg", "oak/c.gif"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (5, 5)).save(path)
    loaded = folders.load(tmp_path)
    assert loaded.classes == ("ash", "oak") and loaded.notes == ()
    both = loaded.query.labels.sum(axis=0) + loaded.database.labels.sum(axis=0)
    assert both.tolist() == [6, 5]
    checks.check(loaded.readable(skip=False))


def test_what_is_left_out_is_counted_and_told(tmp_path):
    write(tmp_path, ash=3, oak=3, empty=0)
    (tmp_path / "ash/notes.txt").write_text("not an image")
    (tmp_path / "README").write_text("not a class")
    for name in (".cache", "ash/._0.png"):
        (tmp_path / name).mkdir()
    cv2.imwrite(str(tmp_path / "loose.png"), np.zeros((5, 5, 3), np.uint8))
    loaded = folders.load(tmp_path)
    assert len(loaded.query) + len(loaded.database) == 6 and loaded.classes == ("ash", "oak")
    assert checks.summary(loaded)[1:4] == [
        "  left out: sub-folders without an image: empty",
        "  left out: 1 images in no sub-folder, which have no class",
        "  left out: 1 without a suffix, 1 .txt",
    ]


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="one sub-folder per class at `.*nowhere`"):
        folders.load(tmp_path / "nowhere")


def test_a_single_class_is_an_error_that_names_the_empty_ones(tmp_path):
    with pytest.raises(ValueError, match="two sub-folders.*Received 1: ash..*an image: oak"):
        folders.load(write(tmp_path, ash=3, oak=0))


def test_a_folder_of_images_alone_is_an_error_that_counts_them(tmp_path):
    write(tmp_path, ash=3)
    with pytest.raises(ValueError, match="Received 0. left out: 3 images in no sub-folder"):
        folders.load(tmp_path / "ash")
