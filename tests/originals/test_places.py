"""Data are found where the originals have theirs, where no folder is given."""

import os
import pathlib

import numpy as np
import pytest

from tests import examples, golden
from tests.commands import write_lists
from tfhash import settings
from tfhash.training import runs

PARTS = {"train": range(24), "test": range(24, 32), "database": range(32, 48)}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    """An empty current folder and home, and no copies of TensorFlow Datasets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "no_tfds"))


def write(folder, parts=PARTS, classes=10):
    """Small lists of one class for each image."""
    labels = {p: {row: one_hot(row, classes) for row in rows} for p, rows in parts.items()}
    write_lists(folder, golden.seeded.images(1, 48, 24, 32), **labels)
    return pathlib.Path(folder)


def one_hot(row, classes):
    return " ".join(str(int(row % classes == number)) for number in range(classes))


def found(method, **given):
    """Dataset, folder and last note of the settings of a training."""
    settled = settings.settle(method, given)
    return settled.data.dataset, settled.data.data_dir, settled.notes[-1]


@pytest.mark.parametrize(
    "method, dataset, folder",
    [
        ("dch", "cifar10", "home/data/cifar10"),
        ("dqn", "cifar10", "home/data/cifar10"),
        ("latent", "cifar10", "data/cifar10"),
        ("hashnet", "coco", "data/coco"),
    ],
)
def test_the_default_dataset_of_an_original_is_found_without_a_flag(method, dataset, folder):
    write(folder)
    name, place, note = found(method)
    assert name == dataset and place in ("~/data", "data")
    assert note.startswith(f"dataset: {dataset}, the lists in ") and note.endswith(folder)
    assert found(method, dataset=dataset)[:2] == (name, place)


@pytest.mark.parametrize("folder", ["nuswide_81", "nus_wide"])
def test_a_named_dataset_is_found_by_either_of_its_names(folder):
    write(f"data/{folder}", classes=3)
    assert found("hashnet", dataset="nus_wide")[:2] == ("nuswide_81", "data")


@pytest.mark.parametrize("place", [".", "src"])
def test_lists_of_hashnet_are_found_from_the_folder_of_its_scripts_too(place, monkeypatch):
    """Its scripts stand in src/, the paths in its lists begin beside it."""
    folder = write("data/nus_wide", classes=3).absolute()
    for name in ("train", "test", "database"):
        text = (folder / f"{name}.txt").read_text()
        (folder / f"{name}.txt").write_text(text.replace("images/", "./data/nus_wide/images/"))
    pathlib.Path(place).mkdir(exist_ok=True)
    monkeypatch.chdir(place)
    chosen = settings.settle("hashnet", {"dataset": "nus_wide"})
    loaded = runs.load_splits(chosen.data, "hashnet", chosen.config)
    assert loaded.query.name(0) == str(folder / "images/24.png")


def test_the_projects_own_folder_goes_first():
    write("data/cifar10")
    write("cifar10")
    for given in ({}, {"dataset": "cifar10"}):
        assert found("latent", **given)[:2] == ("cifar10", "./cifar10")


def test_a_given_folder_is_the_only_one():
    write("data/cifar10")
    with pytest.raises(ValueError, match="no such folder"):
        found("latent", data_dir="elsewhere")


def test_other_datasets_there_are_not_taken_unnamed():
    write("data/cub")
    assert found("hashnet")[0] == found("latent")[0] == "digits"


def test_a_method_without_an_original_looks_into_no_other_folder():
    write("data/cifar10")
    assert found("csq")[0] == "digits"


def test_lists_that_are_missing_are_wanted_where_the_original_has_them():
    chosen = settings.settle("hashnet", {"dataset": "coco"})
    with pytest.raises(ValueError, match="lists .* of coco in `data` or in a folder coco in it"):
        runs.load_splits(chosen.data, "hashnet", chosen.config)


# ---- latent hashing: two lists


def test_latent_hashing_searches_the_images_of_the_training():
    """Its original needs no database.txt, and does not read one that lies there."""
    two = {part: rows for part, rows in PARTS.items() if part != "database"}
    for parts, folder in ((two, "data/cifar10"), (PARTS, "other/cifar10")):
        write(folder, parts)
        given = {} if folder.startswith("data") else {"data_dir": "other"}
        chosen = settings.settle("latent", {"dataset": "cifar10", **given})
        loaded = runs.load_splits(chosen.data, "latent", chosen.config)
        assert len(loaded.query) == 8 and loaded.train.labelled.all()
        np.testing.assert_array_equal(loaded.database.index, loaded.train.index)
        line = f"  --database_file={pathlib.Path(folder, 'train.txt').absolute()}, since the"
        assert any(note.startswith(line) for note in chosen.notes)


def test_another_database_of_latent_hashing_may_be_given():
    write("data/cifar10")
    chosen = settings.settle("latent", {"database_file": "data/cifar10/database.txt"})
    loaded = runs.load_splits(chosen.data, "latent", chosen.config)
    assert len(loaded.database) == 16 and len(loaded.train) == 40


def test_without_a_database_other_methods_name_the_list_that_is_missing():
    write("cifar10", {part: PARTS[part] for part in ("train", "test")})
    chosen = settings.settle("dch", {"dataset": "cifar10"})
    with pytest.raises(ValueError, match="Missing: database.txt"):
        runs.load_splits(chosen.data, "dch", chosen.config)


def test_a_model_is_tested_on_other_data_by_their_own_lists():
    write("data/cifar10")
    write("other/cifar10")
    model = examples.model("latent")
    model.stored["data"] = settings.settle("latent", {}).data.stored()
    assert len(runs.splits_of(model, {"dataset": "digits"}).database) == 1697
    moved = runs.splits_of(model, {"data_dir": "other"})
    assert moved.database.name(0) == str(pathlib.Path("other/cifar10/images/0.png").absolute())
    same = runs.splits_of(model, {})
    assert same.database.name(0) == str(pathlib.Path("data/cifar10/images/0.png").absolute())


# ---- DVSQ: word vectors


def wordvec(**given):
    return settings.settle("dvsq", given).config.wordvec_dict


def test_word_vectors_beside_the_lists_are_taken():
    path = write("home/data/cifar10") / "cifar10_wordvec.txt"
    assert wordvec() == ""
    path.write_text("1 2\n")
    assert wordvec() == str(path.absolute())
    assert f"  --wordvec_dict={path.absolute()}, since" in settings.settle("dvsq", {}).notes[0]
    assert wordvec(wordvec_dict="mine.txt") == "mine.txt"
    assert wordvec(dataset="digits") == "orthogonal"


# ---- weights


def laid(path):
    """Makes a file, and gives its path."""
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(path).write_text("")
    return str(path)


def begun_with(method, **given):
    """The weights that a training of lists begins with."""
    return settings.settle(method, {"dataset": "coco"} | given).run.pretrained


@pytest.mark.parametrize(
    "method, path",
    [
        ("gpq", "models/ImageNet_pretrained.mat"),
        ("dch", "../../DeepHash/architecture/pretrained_model/reference_pretrain.npy"),
        ("latent", "data/pretrained_alexnet/bvlc_alexnet.npy"),
        ("hashnet", "~/.torch/models/resnet50-19c8e357.pth"),
    ],
)
def test_weights_that_lie_where_the_original_has_them_are_taken(method, path, monkeypatch):
    pathlib.Path("examples/of_it").mkdir(parents=True)
    monkeypatch.chdir("examples/of_it")
    assert begun_with(method) == ""
    path = laid(os.path.expanduser(path))
    settled = settings.settle(method, {"dataset": "coco"})
    assert settled.run.pretrained == path and settled.origins["pretrained"] == "original"
    assert f"  --pretrained={path}, since it lies where the original has it" in settled.notes
    assert begun_with(method, pretrained="mine") == "mine"
    assert begun_with(method, pretrained="") == ""
    assert begun_with(method, img_model="tiny") == ""


def test_of_several_published_files_none_is_taken():
    for digits in ("19c8e357", "0676ba61"):
        laid(os.path.expanduser(f"~/.torch/models/resnet50-{digits}.pth"))
    assert begun_with("hashnet") == ""
