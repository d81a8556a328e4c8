"""The two commands when their data change under them, and when the clock does."""

import itertools
import pathlib
import time

import cv2
import numpy as np
import pytest

import run_train
from tests.commands import QUICK, refused
from tests.test_commands_interrupted import steps
from tfhash import model_dir
from tfhash.methods import base

FLAGS = (*QUICK[:-1], "--batch_size=4", "--dataset=folder:photos", "--image_size=16", "--model=m")


@pytest.fixture
def photos(tmp_path):
    """Forty images of two classes."""
    rng = np.random.default_rng(0)
    for number in range(40):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), rng.integers(0, 256, (16, 16, 3), np.uint8))
    return tmp_path / "photos"


def after_first_epoch(monkeypatch, change):
    """Calls `change()` when the second epoch begins, once."""
    before, begun = base.Method.on_epoch_begin, []

    def on_epoch_begin(self, epoch, *arguments):
        if epoch and not begun:
            begun.append(epoch)
            change()
        before(self, epoch, *arguments)

    monkeypatch.setattr(base.Method, "on_epoch_begin", on_epoch_begin)


def gone(path):
    path.unlink()


def no_image(path):
    path.write_bytes(b"not any more")


@pytest.mark.parametrize("change", [gone, no_image])
def test_images_that_are_lost_between_two_epochs_are_named_and_the_training_goes_on_with_them(
    run, photos, monkeypatch, change
):
    kept = {path: path.read_bytes() for path in photos.rglob("*.png")}
    after_first_epoch(monkeypatch, lambda: [change(path) for path in kept])
    refused(run(run_train, *FLAGS, "--save_every=1", "--cache_memory=0"), "`photos/", ".png`")
    for path, content in kept.items():
        path.write_bytes(content)
    assert run(run_train, *FLAGS, "--save_every=1", "--resume")[0] == 0
    assert steps(pathlib.Path("m")) == [2, 4]


def test_images_of_another_size_between_two_epochs_are_resized(run, photos, monkeypatch):
    def larger(path):
        cv2.imwrite(str(path), np.full((50, 30, 3), 200, np.uint8))

    paths = list(photos.rglob("*.png"))
    after_first_epoch(monkeypatch, lambda: [larger(path) for path in paths])
    status, _, errors = run(run_train, *FLAGS, "--cache_memory=0")
    assert status == 0, errors
    assert steps(pathlib.Path("m")) == [2, 4]


def test_a_clock_that_jumps_back_changes_neither_weights_nor_records(
    run, trained_once, monkeypatch
):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    ticks = itertools.count(time.time(), -86400)  # each look at it is a day earlier
    monkeypatch.setattr(time, "time", lambda: next(ticks))
    flags = (*QUICK, "--dataset=digits", "--save_every=1", "--model=m")
    assert run(run_train, *flags[:-1], "--model=m", "--epochs=1")[0] == 0
    status, _, errors = run(run_train, *flags, "--resume")
    assert status == 0, errors
    assert steps(pathlib.Path("m")) == [2, 4]
    events = EventAccumulator("m/tensorboard").Reload()
    assert sorted(event.step for event in events.Tensors("losses/loss")) == [1, 2, 3, 4]
    expected, _ = model_dir.load_weights(trained_once)
    for name, array in model_dir.load_weights("m")[0].items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)
