"""No room on the disk: one line that names the file, and nothing that was whole before is lost.

A limit on the size of files stands for it: they fail in the same way. benchmarks/full_disk.py fills
a disk.
"""

import contextlib
import pathlib
import resource

import numpy as np
import pytest
import tensorflow as tf

import run_test
import run_train
from tests.commands import QUICK, quick_report, refused
from tests.test_commands_interrupted import steps, tree
from tfhash import model_dir
from tfhash.training import records, states

FULL = "can't be written: File too large"


@contextlib.contextmanager
def full(size):
    """Within this, no file of this process gets longer than so many bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_tensorboards_file_on_a_full_disk_is_an_error_that_names_its_folder(tmp_path):
    board = records.Board(tmp_path)
    with full(200), pytest.raises(OSError, match=f"tensorboard` {FULL}.$"):
        with board.as_default(step=1):
            tf.summary.text("x", "x" * 1000)
        board.flush()


def test_a_history_on_a_full_disk_is_an_error_and_its_half_line_is_cut_off(tmp_path):
    records.append(tmp_path / "history.jsonl", {"step": 1})
    with full(20), pytest.raises(OSError, match=f"history.jsonl` {FULL}.$"):
        records.append(tmp_path / "history.jsonl", {"step": 2, "loss": 0.5})
    records.cut(tmp_path, 2)
    assert steps(tmp_path) == [1]


def test_a_state_on_a_full_disk_is_an_error_and_the_one_before_it_is_whole(tmp_path):
    values, step = tf.Variable(tf.zeros(1000)), tf.Variable(0, dtype=tf.int64)
    saved = states.Checkpoints(tmp_path, {"a": values}, step)
    saved.save()
    step.assign(1)
    with full(2000), pytest.raises(OSError, match=f"ckpt-1` {FULL}.$"):
        saved.save()
    assert saved.restore() == 0
    step.assign(1)
    saved.save()
    assert saved.steps() == [0, 1]


def test_weights_on_a_full_disk_are_an_error_and_those_before_are_whole(tmp_path):
    before = {"a": np.zeros(1000, np.float32)}
    model_dir.create(tmp_path / "m", {}, before)
    with full(2000), pytest.raises(OSError, match=f"m/weights.safetensors` {FULL}.$"):
        model_dir.save_weights(tmp_path / "m", {"a": np.ones(1000, np.float32)}, step=1)
    arrays, step = model_dir.load_weights(tmp_path / "m")
    np.testing.assert_array_equal(arrays["a"], before["a"])
    assert step == 0 and "weights" in "".join(tree(tmp_path / "m"))


@pytest.mark.parametrize("size", [100, 10**5])
def test_a_training_on_a_full_disk_ends_with_a_line_and_goes_on_once_there_is_room(
    run, trained_once, size
):
    flags = (*QUICK, "--dataset=digits", "--save_every=1", "--model=m")
    with full(size):
        refused(run(run_train, *flags), "m", FULL)
    again = ("--resume",) if pathlib.Path("m").exists() else ()
    assert run(run_train, *flags, *again)[0] == 0
    assert steps(pathlib.Path("m")) == [2, 4]
    expected, _ = model_dir.load_weights(trained_once)
    for name, array in model_dir.load_weights("m")[0].items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)


@pytest.mark.parametrize("flags, name", [((), "curves.png"), (("--save_codes",), "codes.npz")])
def test_a_test_on_a_full_disk_ends_with_a_line_and_leaves_nothing_half_written(
    run, trained, monkeypatch, flags, name
):
    quick_report(monkeypatch)
    with full(12000):  # of the files before it none is longer
        refused(run(run_test, "--model=m", *flags), f"m/report/{name}` {FULL}")
    left = tree(trained / "report")
    assert "metrics.json" in left and name not in left
    assert run(run_test, "--model=m", *flags)[0] == 0
    whole = tree(trained / "report")
    for name in left.keys() - {"files.json"}:
        assert left[name] == whole[name], name
