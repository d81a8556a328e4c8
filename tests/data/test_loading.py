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


@pytest.mark.parametrize("inner", ["", "cifar10"])
def test_auto_is_cifar10_where_its_lists_lie(tmp_path, inner):
    write_lists(tmp_path / inner)
    name, note = data.resolve("auto", tmp_path)
    assert name == "cifar10" and f"the lists in {tmp_path / inner}" in note
    assert len(data.load("auto", data_dir=tmp_path).query) == 10


@pytest.mark.parametrize("folder", ["coco", "nus_wide"])
def test_auto_is_the_dataset_that_the_folder_of_the_lists_is_named_after(tmp_path, folder):
    write_lists(tmp_path / folder, classes=3)
    name = folder.replace("nus_wide", "nuswide_81")
    for place in (tmp_path / folder, tmp_path):
        assert data.resolve("auto", place)[0] == name


def test_ten_labels_do_not_make_lists_of_another_name_cifar10(tmp_path):
    assert data.resolve("auto", write_lists(tmp_path / "coco", classes=10))[0] == "coco"


def test_auto_takes_cifar10_before_others(tmp_path):
    write_lists(tmp_path / "coco", classes=3)
    write_pickles(tmp_path / "cifar10")
    assert data.resolve("auto", tmp_path)[0] == "cifar10"


def test_auto_takes_what_lies_in_the_folder_before_a_copy_elsewhere(tmp_path):
    write_copy(tmp_path / "tensorflow_datasets")
    assert data.resolve("auto", write_lists(tmp_path / "coco", classes=3))[0] == "coco"


def test_auto_does_not_choose_between_datasets(tmp_path):
    for name in ("coco", "cub"):
        write_lists(tmp_path / name, classes=3)
    with pytest.raises(ValueError, match="coco and cub. Name it as --dataset: coco, cub"):
        data.resolve("auto", tmp_path)


def test_auto_does_not_guess_what_lists_are_of(tmp_path):
    with pytest.raises(ValueError, match="lists that may be of any dataset. Name it as --dataset"):
        data.resolve("auto", write_lists(tmp_path, classes=3))


GIVEN = ["auto", "cifar10", "cifar100", "imagenet32", "tfds:mnist"]


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("there", [True, False])
def test_a_given_folder_without_the_files_is_an_error(tmp_path, monkeypatch, name, there):
    """Though TFDS' own folder has a copy: neither this nor digits nor a download is taken."""
    write_copy(tmp_path / "tensorflow_datasets")
    monkeypatch.setattr(tfds, "_prepare", lambda *_: pytest.fail("TFDS was asked"))
    folder = tmp_path / "given"
    if there:
        folder.mkdir()
    problem = "There are none" if there else "There is no such folder"
    for call in (data.resolve, data.load):
        with pytest.raises(ValueError, match=f"`{folder}`.* {problem}. Correct --data_dir"):
            call(name, data_dir=folder, given=True)


def test_a_given_folder_with_the_files_is_taken(tmp_path):
    write_copy(tmp_path / "copies")
    for folder in (write_pickles(tmp_path / "a"), write_lists(tmp_path / "b"), tmp_path / "copies"):
        for name in ("auto", "cifar10"):
            resolved, note = data.resolve(name, folder, given=True)
            assert resolved == "cifar10" and str(folder) in note


@pytest.mark.parametrize("name", ["digits", "folder:photos"])
def test_datasets_without_a_data_dir_do_not_look_at_a_given_one(tmp_path, name):
    assert data.resolve(name, tmp_path / "nowhere", given=True)[0] == name


@pytest.mark.parametrize(
    "name, words",
    [
        ("cifar10", "to be downloaded (170 MB) to "),
        ("cifar100", "to be downloaded (169 MB) to "),
        ("imagenet32", "to be downloaded (3.7 GB) to "),
        ("tfds:mnist", "to be downloaded to "),
    ],
)
def test_a_download_is_announced(tmp_path, name, words):
    note = data.resolve(name, tmp_path)[1]
    assert words + str(tmp_path / "tensorflow_datasets") in note


def test_a_folder_in_the_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_pickles(tmp_path / "data")
    assert data.resolve("auto", "~/data", given=True)[0] == "cifar10"
    assert len(data.load("cifar10", data_dir="~/data").train) == 118


@pytest.mark.parametrize("inner", ["cifar10", "cifar10/cifar-10-batches-py"])
def test_pickles_may_lie_in_a_folder_of_the_datasets_name(tmp_path, inner):
    (tmp_path / inner).parent.mkdir(parents=True, exist_ok=True)
    write_pickles(tmp_path / inner)
    assert len(data.load("cifar10", data_dir=tmp_path, given=True).train) == 118


def test_a_path_instead_of_a_name_is_an_error_with_the_name_that_was_meant(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    for path in ("photos", str(tmp_path / "photos"), "./no/such/folder"):
        with pytest.raises(ValueError, match=f"use --dataset=folder:{path}$"):
            data.resolve(path, tmp_path)


def test_cifar10_zero_shot_is_read_from_its_lists(tmp_path):
    write_lists(tmp_path)
    loaded = data.load("cifar10_zero_shot", data_dir=tmp_path)
    assert loaded.classes == cifar.CLASSES and loaded.query.images.shape == (32, 32, 3)


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
