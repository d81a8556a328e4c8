import pathlib
import runpy

import cv2
import numpy as np
import pytest

from tests import golden
from tfhash.data import lists, splits

LINES = {
    "train.txt": ["a.png 1 0 0", "b.png 0 1 0", "c.png 0 1 1"],
    "test.txt": ["d.png 1 1 0"],
    "database.txt": ["a.png 1 0 0", "sub dir/e.png 0 0 1", "f.png 1 0 1"],
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub dir").mkdir()
    for number, name in enumerate(["a", "b", "c", "d", "sub dir/e", "f"]):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((6, 6, 3), number * 10, np.uint8))
    for name, lines in LINES.items():
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
    return tmp_path


def shades(part):
    return part.read(np.arange(len(part)))[:, 0, 0, 0].tolist()


def test_queries_and_database_are_as_listed(folder):
    found = lists.load("coco", folder)
    assert shades(found.query) == [30] and shades(found.database) == [0, 40, 50]
    assert found.database.labels.tolist() == [[1, 0, 0], [0, 0, 1], [1, 0, 1]]
    splits.check(found)


def test_train_is_its_list_and_the_rest_of_the_database_unlabelled(folder):
    train = lists.load("coco", folder).train
    assert shades(train) == [0, 10, 20, 40, 50]
    assert train.labelled.tolist() == [True, True, True, False, False]


def test_an_image_of_two_lists_is_one_image(folder):
    found = lists.load("coco", folder)
    assert found.database.index[0] == found.train.index[0]
    assert len(found.train.images) == 6


def test_images_are_resized_to_256_or_as_asked(folder):
    assert lists.load("coco", folder).query.images.shape == (256, 256, 3)
    assert lists.load("coco", folder, (8, 9)).query.read([0]).shape == (1, 8, 9, 3)


def test_absolute_paths_and_empty_lines_are_taken(folder):
    (folder / "test.txt").write_text(f"\n{folder / 'd.png'}\t1 1 0\r\n\n")
    assert lists.load("coco", folder).query.name(0) == str(folder / "d.png")


def test_overlapping_lists_are_found_however_the_path_is_spelt(folder):
    (folder / "test.txt").write_text("./sub dir/../f.png 1 0 1\n")
    with pytest.raises(ValueError, match=r"'database'. 1 of 1.*f\.png"):
        splits.check(lists.load("coco", folder))


@pytest.mark.parametrize(
    "line, message",
    [
        ("gone.png 1 0 0", r"gone\.png`. There is no file"),
        ("b.png 1 0", "3 labels 0 or 1. Received: 2"),
        ("b.png 1 0 0 1", "3 labels 0 or 1. Received: 4"),
        ("b.png", "3 labels 0 or 1. Received: 0"),
        ("b.png 1 2 0", "Received: '2'"),
        ("b.png 1 -1 0", "Received: '-1'"),
        ("b.png 1 0.5 0", "Received: '0.5'"),
        ("b.png 1 10 0", "Received: '10'"),
        ("b.png 1 x 0", "3 labels 0 or 1. Received: 1"),
    ],
)
def test_a_bad_line_is_named_by_file_and_number(folder, line, message):
    (folder / "database.txt").write_text(f"a.png 1 0 0\n\n{line}\n")
    with pytest.raises(ValueError, match=rf"database\.txt`, line 3: .*{message}"):
        lists.load("coco", folder)


def test_a_first_line_without_labels_is_named(folder):
    (folder / "train.txt").write_text("a.png\n")
    with pytest.raises(ValueError, match=r"train\.txt`, line 1: .*its labels.*0 labels"):
        lists.load("coco", folder)


def test_lists_of_different_widths_are_an_error(folder):
    (folder / "test.txt").write_text("d.png 1 1\n")
    with pytest.raises(ValueError, match=r"test\.txt`, line 1: .*3 labels.*Received: 2"):
        lists.load("coco", folder)


def test_another_number_of_classes_than_the_dataset_has_is_an_error(folder):
    with pytest.raises(ValueError, match=r"train\.txt`, line 1: .*2 labels.*Received: 3"):
        lists.load("cifar10", folder, classes=("cat", "dog"))


def test_a_missing_list_is_named(folder):
    (folder / "database.txt").unlink()
    with pytest.raises(ValueError, match=r"of coco in .*Missing: database\.txt.*--data_dir"):
        lists.load("coco", folder)


def test_an_empty_list_is_an_empty_part(folder):
    (folder / "test.txt").write_text("")
    with pytest.raises(ValueError, match="'query' of coco"):
        splits.check(lists.load("coco", folder))


def test_the_lists_of_the_real_images_are_read(tmp_path):
    script = runpy.run_path(str(golden.shared("data/cifar10.py")))
    script["write_images"](script["Archive"](), str(tmp_path), seed=0, limit=120)
    found = lists.load("cifar10", tmp_path, (32, 32), script["CLASSES"])
    splits.check(found)
    assert [len(part) for part in found.parts().values()] == [100, 20, 80]
    assert found.query.read([0, 1]).shape == (2, 32, 32, 3)


def test_images_that_cannot_be_read_are_left_out_and_named(folder):
    (folder / "f.png").write_bytes(b"no image")
    found = lists.load("coco", folder)
    kept = found.readable()
    assert [pathlib.Path(name).name for name in kept.left_out] == ["f.png"]
    for name, part in found.parts().items():
        names = [part.name(position) for position in range(len(part))]
        left = kept.parts()[name]
        assert [left.name(p) for p in range(len(left))] == [
            name for name in names if not name.endswith("f.png")
        ]
    assert "left out: 1 images" in "\n".join(splits.summary(kept))
