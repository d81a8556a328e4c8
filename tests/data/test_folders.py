import cv2
import numpy as np
import pytest

from tfhash.data import folders, splits


def write(folder, **counts):
    for number, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir()
        for place in range(count):
            image = np.full((5, 5, 3), number * 50 + place, np.uint8)
            cv2.imwrite(str(folder / name / f"{place:02}.png"), image)
    return folder


def test_sub_folders_are_the_classes_in_order(tmp_path):
    found = folders.load(write(tmp_path, oak=10, ash=10))
    assert found.classes == ("ash", "oak")
    assert all(
        found.classes[row.argmax()] in found.database.name(position)
        for position, row in enumerate(found.database.labels)
    )


def test_a_tenth_are_queries_and_half_of_a_small_rest_is_labelled(tmp_path):
    found = folders.load(write(tmp_path, ash=20, oak=40))
    splits.check(found)
    assert [len(part) for part in found.parts().values()] == [54, 6, 54]
    assert found.query.labels.sum(axis=0).tolist() == [2, 4]
    assert found.train.labelled.sum() == 27


def test_images_are_resized_to_32_or_as_asked(tmp_path):
    write(tmp_path, ash=3, oak=3)
    assert folders.load(tmp_path).query.images.shape == (32, 32, 3)
    assert folders.load(tmp_path, (7, 9)).query.read([0]).shape == (1, 7, 9, 3)


def test_the_seed_decides_the_split(tmp_path):
    write(tmp_path, ash=30, oak=30)
    one, same, other = (folders.load(tmp_path, seed=s).query.index.tolist() for s in (0, 0, 1))
    assert one == same != other


def test_other_files_and_hidden_folders_are_passed_over(tmp_path):
    write(tmp_path, ash=3, oak=3)
    (tmp_path / "ash" / "notes.txt").write_text("not an image")
    (tmp_path / "README").write_text("not a class")
    (tmp_path / ".cache").mkdir()
    found = folders.load(tmp_path)
    assert len(found.query) + len(found.database) == 6 and len(found.classes) == 2


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="one sub-folder per class at `.*nowhere`"):
        folders.load(tmp_path / "nowhere")


def test_a_class_without_images_is_named(tmp_path):
    with pytest.raises(ValueError, match="2 sub-folders, without an image: oak"):
        folders.load(write(tmp_path, ash=3, oak=0))


def test_a_single_class_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="at least two sub-folders.*Found 1"):
        folders.load(write(tmp_path, ash=3))
