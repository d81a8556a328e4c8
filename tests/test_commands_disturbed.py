"""The two commands when data change or hardly are any, and when the clock jumps."""

import itertools
import json
import pathlib
import time

import cv2
import numpy as np
import pytest

import run_test
import run_train
from tests import commands
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


def test_images_that_are_lost_between_two_epochs_are_named_and_the_training_goes_on_with_them(
    run, photos, monkeypatch
):
    """Half of them are gone, the others are no images any more."""
    kept = {path: path.read_bytes() for path in photos.rglob("*.png")}

    def lose():
        for path in kept:
            path.write_bytes(b"not any more")
        for path in (photos / "a").iterdir():
            path.unlink()

    after_first_epoch(monkeypatch, lose)
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


# ---- data that hardly are any

TRAIN, QUERIES, DATABASE = range(10, 40), range(10), range(10, 40)


def write_numbered(**parts):
    """Forty images, and a list of each part, `{number of an image: what follows its path}`."""
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), np.uint8)
    commands.write_lists("lists", images, **parts)


LISTS = (
    *("--method=dch", "--img_model=tiny", "--iter_num=2", "--batch_size=8", "--output_dim=16"),
    *("--dataset=coco", "--data_dir=lists", "--image_size=16", "--model=m"),
)


def metrics_of_a_test(run):
    """The metrics of the model in `m`."""
    status, _, errors = run(run_test, "--model=m")
    assert status == 0, errors
    return json.loads(pathlib.Path("m/report/metrics.json").read_text())


def test_images_of_one_class_are_trained_on_and_tested(run, monkeypatch):
    commands.quick_report(monkeypatch)
    parts = {"train": TRAIN, "test": QUERIES, "database": DATABASE}
    write_numbered(**{name: dict.fromkeys(numbers, "0") for name, numbers in parts.items()})
    assert run(run_train, *LISTS)[0] == 0
    assert metrics_of_a_test(run)["mAP_by_feature"] == 1


def test_images_without_any_label_are_refused_unless_allowed_and_have_no_precision(
    run, monkeypatch
):
    commands.quick_report(monkeypatch)
    labelled = {number: ("0 1", "1 0")[number % 2] for number in TRAIN}
    bare = {"test": dict.fromkeys(QUERIES, "0 0"), "database": dict.fromkeys(DATABASE, "0 0")}
    write_numbered(train=labelled, **bare)
    refused(run(run_train, *LISTS), "label", "--allow_unlabelled")
    assert run(run_train, *LISTS, "--allow_unlabelled")[0] == 0
    assert metrics_of_a_test(run)["mAP_by_feature"] is None


def test_an_image_that_is_listed_often_counts_as_often_and_is_told(run, monkeypatch):
    commands.quick_report(monkeypatch)
    write_numbered(train={}, test={0: "1 0", 1: "0 1"}, database={})
    twice = "images/10.png 1 0\nimages/11.png 0 1\n" * 10
    for name in ("train", "database"):
        pathlib.Path("lists", f"{name}.txt").write_text(twice)
    status, shown, errors = run(run_train, *LISTS)
    assert status == 0 and "18 listed more than once" in shown, errors
    assert metrics_of_a_test(run)["database"] == 20


def test_no_images_at_all_are_refused(run):
    write_numbered(train={}, test={}, database={})
    refused(run(run_train, *LISTS), "images in the part 'train' of coco", "has 0")
    assert not pathlib.Path("m").exists()
