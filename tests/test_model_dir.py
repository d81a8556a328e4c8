import json
import os
import pathlib
import pickle
import shutil

import numpy as np
import pytest

from tests import examples
from tfhash import model_dir

ARRAYS = {"a/kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.float32(4).reshape(())}
SETTINGS = examples.SETTINGS


@pytest.fixture
def model(tmp_path):
    return model_dir.create(tmp_path / "models" / "48bits", SETTINGS, ARRAYS)


def test_what_was_saved_is_loaded(model):
    arrays, step = model_dir.load_weights(model)
    assert step == 0 and set(arrays) == set(ARRAYS)
    np.testing.assert_array_equal(arrays["a/kernel"], ARRAYS["a/kernel"])
    assert model_dir.load_settings(model) == SETTINGS


def test_saved_weights_replace_the_old_ones(model):
    model_dir.save_weights(model, {"a/kernel": ARRAYS["a/kernel"] + 1}, step=7)
    arrays, step = model_dir.load_weights(model)
    assert step == 7
    np.testing.assert_array_equal(arrays["a/kernel"], ARRAYS["a/kernel"] + 1)


@pytest.mark.parametrize("dies_at", [1, 2, 3])
def test_a_crash_while_saving_leaves_a_whole_model(model, monkeypatch, dies_at):
    """Saving replaces three files; whichever replacement is the last, old or new weights load."""
    calls = []
    replace = os.replace

    def dying(source, target):
        calls.append(target)
        if len(calls) == dies_at:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", dying)
    with pytest.raises(KeyboardInterrupt):
        model_dir.save_weights(model, ARRAYS, step=7)
    monkeypatch.undo()
    assert model_dir.load_weights(model)[1] == (0 if dies_at < 3 else 7)
    assert not [path for path in model.iterdir() if path.name.startswith(".")]


def test_a_crash_while_creating_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        model_dir.create(tmp_path / "m", SETTINGS, ARRAYS)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_model_is_refused_and_kept(model):
    with pytest.raises(ValueError, match="--resume.*--overwrite"):
        model_dir.create(model, SETTINGS | {"seed": 1}, ARRAYS)
    assert model_dir.load_settings(model) == SETTINGS


def test_overwrite_replaces_a_model(model):
    (model / "checkpoints").mkdir()
    model_dir.create(model, SETTINGS | {"seed": 1}, ARRAYS, overwrite=True)
    assert model_dir.load_settings(model)["seed"] == 1
    assert not (model / "checkpoints").exists()
    assert [path.name for path in model.parent.iterdir()] == ["48bits"]


def test_overwrite_never_removes_a_folder_that_is_no_model(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match="not a model directory"):
        model_dir.create(tmp_path, SETTINGS, ARRAYS, overwrite=True)
    assert (tmp_path / "thesis.tex").exists()


def test_a_file_in_place_of_a_model_directory_is_said(tmp_path):
    (tmp_path / "w.caffemodel").write_bytes(b"")
    with pytest.raises(ValueError, match="w.caffemodel`. It is a file, of no kind that is read"):
        model_dir.load_settings(tmp_path / "w.caffemodel")


@pytest.mark.parametrize("dies_at", [1, 2])
def test_a_model_that_is_not_replaced_after_all_is_back(model, monkeypatch, dies_at):
    """Of two renames the first or the second fails."""
    rename, calls = pathlib.Path.rename, []

    def failing(path, target):
        calls.append(path)
        if len(calls) == dies_at:
            raise OSError("Input/output error")
        return rename(path, target)

    monkeypatch.setattr(pathlib.Path, "rename", failing)
    with pytest.raises(OSError, match="Input"):
        model_dir.create(model, SETTINGS | {"seed": 1}, ARRAYS, overwrite=True)
    monkeypatch.undo()
    assert model_dir.load_settings(model) == SETTINGS
    assert [path.name for path in model.parent.iterdir()] == ["48bits"]


def test_overwrite_never_removes_a_file_of_another(model):
    (model / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match="has not written, so it is not replaced: thesis.tex"):
        model_dir.create(model, SETTINGS, ARRAYS, overwrite=True)
    assert (model / "thesis.tex").exists()


def test_a_link_is_followed_and_never_replaced(model):
    link = model.with_name("link")
    link.symlink_to(model)
    model_dir.create(link, SETTINGS | {"seed": 1}, ARRAYS, overwrite=True)
    assert link.is_symlink() and model_dir.load_settings(model)["seed"] == 1


def test_a_model_is_the_users_own_only_where_it_was_trained(tmp_path):
    own = model_dir.create(tmp_path / "own", SETTINGS, ARRAYS, own=True)
    assert model_dir.is_own(own)
    shutil.copytree(own, tmp_path / "copied")
    assert not model_dir.is_own(tmp_path / "copied")
    own.rename(tmp_path / "moved")
    assert not model_dir.is_own(tmp_path / "moved")
    (tmp_path / "copied").rename(own)  # its place, and the number of another folder
    assert not model_dir.is_own(own)
    assert not model_dir.is_own(model_dir.create(tmp_path / "saved", SETTINGS, ARRAYS))


def test_a_model_that_is_saved_elsewhere_is_not_the_users_own_there(tmp_path):
    own = model_dir.create(tmp_path / "own", SETTINGS, ARRAYS, own=True)
    again = model_dir.create(tmp_path / "again", model_dir.load_settings(own), ARRAYS)
    assert not model_dir.is_own(again)
    model_dir.save_settings(again, model_dir.load_settings(own), own=True)
    assert model_dir.is_own(again)


@pytest.mark.parametrize("best", [-np.inf, 0.1, 1 / 3])
def test_the_value_of_the_best_weights_is_kept_with_them(model, best):
    model_dir.save_weights(model, ARRAYS, step=7, best=best)
    assert model_dir.best_value(model) == best
    assert model_dir.load_weights(model)[1] == 7


@pytest.mark.parametrize("name", ["config.json", "weights.safetensors", "manifest.json"])
def test_a_missing_file_is_named(model, name):
    (model / name).unlink()
    with pytest.raises(ValueError, match=f"not a complete model directory: {name}"):
        model_dir.load_settings(model)
        model_dir.load_weights(model)


def test_a_truncated_file_is_named(model):
    data = (model / "weights.safetensors").read_bytes()
    (model / "weights.safetensors").write_bytes(data[:-4])
    with pytest.raises(ValueError, match="weights.safetensors.*SHA-256"):
        model_dir.load_weights(model)


def test_a_newer_format_is_refused(model):
    manifest = json.loads((model / "manifest.json").read_text())
    (model / "manifest.json").write_text(json.dumps(manifest | {"format": 99}))
    with pytest.raises(ValueError, match="format 99.*Update"):
        model_dir.load_settings(model)


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1}', "{"])
def test_a_damaged_manifest_is_named(model, text):
    (model / "manifest.json").write_text(text)
    with pytest.raises(ValueError, match="manifest.json. is damaged"):
        model_dir.load_settings(model)


def test_weights_that_are_a_pickle_do_not_run(model, tmp_path):
    class Bomb:
        def __reduce__(self):
            return pathlib.Path.touch, (tmp_path / "ran",)

    model_dir._write(model, model_dir.WEIGHTS, pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match="can't be read"):
        model_dir.load_weights(model)
    assert not (tmp_path / "ran").exists()
