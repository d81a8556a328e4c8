"""Files and folders that the user may not read or write: one line that names them."""

import os
import pathlib
import pickle
import shutil
import tempfile

import numpy as np
import pytest

import run_test
import run_train
from tests import examples
from tests.commands import QUICK, refused
from tests.test_commands_interrupted import tree
from tfhash import checkpoints, files, model_dir, unpickle
from tfhash.data import decoding, folders, lists
from tfhash.originals.readers import mat, npy

NOBODY = 65534  # a user without rights, whom root may be for a while
DENIED = "Permission denied"


@pytest.fixture
def user(run, monkeypatch):
    """An empty folder as the current one, and this process as a user who is not root.

    Not in pytest's own folder, which other users may not enter.
    """
    folder = pathlib.Path(tempfile.mkdtemp())
    monkeypatch.chdir(folder)
    is_root = os.geteuid() == 0
    if is_root:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    yield folder
    if is_root:
        os.seteuid(0)
    for path, _, _ in os.walk(folder):
        os.chmod(path, 0o700)
    shutil.rmtree(folder)


def forbid(path, rights=0):
    os.chmod(path, rights)
    return path


READERS = {
    "image": decoding.decode,
    "pickle": unpickle.load_pickle,
    "npy": npy.read,
    "mat": mat.read,
    "any": lambda path: files.read(path, "a file"),
}


@pytest.mark.parametrize("name", READERS)
def test_a_file_that_may_not_be_read_is_named(user, name):
    (user / "x").write_bytes(pickle.dumps([1]))
    with pytest.raises(ValueError, match=f"x`.*{DENIED}"):
        READERS[name](str(forbid(user / "x")))


@pytest.mark.parametrize("name", ["train.txt", "a.png"])
def test_lists_and_their_images_that_may_not_be_read_are_named(user, name):
    for part in ("train", "test", "database"):
        (user / f"{part}.txt").write_text("a.png 1\n")
    (user / "a.png").write_bytes(b"")
    forbid(user / name)
    with pytest.raises((ValueError, OSError)) as raised:
        lists.load("coco", user).train.images.original(0)
    assert name in str(raised.value) and DENIED in str(raised.value)


def test_a_folder_of_a_class_that_may_not_be_read_is_named(user):
    for name in "ab":
        (user / "photos" / name).mkdir(parents=True)
        (user / "photos" / name / "1.png").write_bytes(b"")
    forbid(user / "photos" / "b")
    with pytest.raises((ValueError, OSError), match="photos/b"):
        folders.load(user / "photos")


@pytest.mark.parametrize("name", ["config.json", "weights.safetensors", "manifest.json"])
def test_a_file_of_a_model_that_may_not_be_read_is_named(user, name):
    model_dir.create(user / "m", examples.SETTINGS, {"a": np.zeros(3, np.float32)})
    forbid(user / "m" / name)
    with pytest.raises(ValueError, match=f"m/{name}`.*{DENIED}"):
        model_dir.load_settings(user / "m"), model_dir.load_weights(user / "m")


def test_a_training_into_a_folder_that_may_not_be_written_is_refused(user, run):
    (user / "models").mkdir()
    forbid(user / "models", 0o555)
    refused(run(run_train, *QUICK, "--dataset=digits", "--model=models/m"), "models/", DENIED)
    assert list((user / "models").iterdir()) == []


@pytest.fixture
def kept(user, trained_once):
    """A model in `m` that may be read and not written."""
    is_root = os.getuid() == 0
    if is_root:
        os.seteuid(0)
    shutil.copytree(trained_once, user / "m")
    for path in (user / "m", *(user / "m").rglob("*")):
        forbid(path, 0o555 if path.is_dir() else 0o444)
    if is_root:
        os.seteuid(NOBODY)
    return user / "m"


@pytest.mark.parametrize("script, flags", [(run_test, ()), (run_train, ("--resume", "--epochs=3"))])
def test_a_model_that_may_not_be_written_is_refused_and_stays(
    kept, run, script, flags, monkeypatch
):
    # Its process would be one of the user's, who may not run root's Python.
    monkeypatch.setattr(checkpoints, "failure", lambda prefix: None)
    before = tree(kept)
    refused(run(script, "--method=gpq", "--model=m", *flags), "m/", DENIED)
    assert tree(kept) == before
