import pickle

import cv2
import numpy as np
import pytest

from tfhash import data
from tfhash.data import cifar, tfds


@pytest.fixture(autouse=True)
def no_own_copies(tmp_path, monkeypatch):
    """What lies in the user's own folders is not looked at."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tensorflow_datasets"))


def write_pickles(folder, count=20):
    folder.mkdir(exist_ok=True)
    for name in cifar.BATCHES:
        labels = [number % 10 for number in range(count)]
        batch = {b"data": np.zeros((count, 3072), np.uint8), b"labels": labels}
        (folder / name).write_bytes(pickle.dumps(batch))
    return folder


def write_lists(folder, classes=10):
    folder.mkdir(exist_ok=True)
    for place, name in enumerate(["train", "test", "database"]):
        lines = []
        for label in range(classes):
            path = folder / f"{name}{label}.png"
            cv2.imwrite(str(path), np.full((4, 4, 3), place, np.uint8))
            row = " ".join("1" if label == other else "0" for other in range(classes))
            lines.append(f"{path.name} {row}\n")
        (folder / f"{name}.txt").write_text("".join(lines))
    return folder


def write_copy(folder):
    (folder / "cifar10" / "3.0.2").mkdir(parents=True)
    (folder / "cifar10" / "3.0.2" / "dataset_info.json").touch()
    return folder


def test_auto_is_digits_where_there_is_no_cifar10(tmp_path):
    name, note = data.resolve("auto", tmp_path)
    assert name == "digits"
    assert "--dataset=cifar10 downloads it, 170 MB" in note and str(tmp_path) in note


def test_auto_is_cifar10_where_its_pickles_lie(tmp_path):
    name, note = data.resolve("auto", write_pickles(tmp_path))
    assert name == "cifar10" and f"the pickles in {tmp_path}" in note


def test_auto_is_cifar10_where_a_prepared_copy_lies(tmp_path):
    write_copy(tmp_path / "tensorflow_datasets")
    name, note = data.resolve("auto", tmp_path / "cifar10")
    assert name == "cifar10" and "3.0.2" in note


def test_auto_passes_over_lists_which_may_be_of_any_dataset(tmp_path):
    assert data.resolve("auto", write_lists(tmp_path))[0] == "digits"


def test_auto_never_asks_the_network(tmp_path, monkeypatch):
    monkeypatch.setattr(tfds, "_prepare", lambda *_: pytest.fail("TFDS was asked"))
    data.load("auto", data_dir=tmp_path)


@pytest.mark.parametrize(
    "name", ["digits", "cifar10", "coco", "nuswide_81", "tfds:mnist", "folder:images"]
)
def test_another_name_stands_for_itself(tmp_path, name):
    resolved, note = data.resolve(name, tmp_path)
    assert resolved == name and name in note


@pytest.mark.parametrize("name", ["cifar11", "tfds:", "folder:", "tfds", "", "digits:x"])
def test_an_unknown_name_is_an_error_with_the_known_ones(tmp_path, name):
    with pytest.raises(ValueError, match=f"digits, cifar10, cifar100.*Received: '{name}'"):
        data.load(name, data_dir=tmp_path)


def test_pickles_go_before_lists(tmp_path):
    found = data.load("cifar10", data_dir=write_lists(write_pickles(tmp_path)))
    assert len(found.train) == 118


def test_cifar10_lists_have_its_classes_and_size(tmp_path):
    found = data.load("cifar10", data_dir=write_lists(tmp_path))
    data.check(found)
    assert found.classes == cifar.CLASSES and found.query.images.shape == (32, 32, 3)


def test_lists_of_cifar10_must_have_ten_labels(tmp_path):
    with pytest.raises(ValueError, match=r"train\.txt`, line 1.*10 labels.*Received: 3"):
        data.load("cifar10", data_dir=write_lists(tmp_path, classes=3))


def test_cifar10_in_neither_place_goes_to_tfds(tmp_path, monkeypatch):
    monkeypatch.setattr(tfds, "_unreachable", lambda url: "no network")
    with pytest.raises(ValueError, match=f"'cifar10' in {tmp_path} or .*no network"):
        data.load("cifar10", data_dir=tmp_path)


def test_a_list_dataset_is_read_from_its_lists(tmp_path):
    found = data.load("cub", data_dir=write_lists(tmp_path, classes=4), image_size=16)
    assert found.dataset == "cub" and found.query.images.shape == (16, 16, 3)


def test_a_list_dataset_without_lists_says_what_it_needs(tmp_path):
    with pytest.raises(ValueError, match=rf"of nuswide_81 in `{tmp_path}`.*--data_dir"):
        data.load("nuswide_81", data_dir=tmp_path)


@pytest.mark.parametrize("size", [None, 8])
def test_image_size_is_one_side_in_pixels(tmp_path, size):
    shape = data.load("digits", data_dir=tmp_path, image_size=size).query.images.shape
    assert shape == (size or 16, size or 16, 3)


def test_the_order_reaches_the_split(tmp_path):
    write_pickles(tmp_path)
    order = np.lexsort((-np.arange(120), np.arange(120) % 10))  # by class, the last ones first
    assert data.load("cifar10", data_dir=tmp_path).query.index.tolist() == [0, 5]
    assert data.load("cifar10", data_dir=tmp_path, order=order).query.index.tolist() == [110, 115]
