"""The states of a training: saved, kept, restored, and what of damaged ones."""

import os

import numpy as np
import pytest
import tensorflow as tf

from tfhash import checkpoints
from tfhash.training.states import Checkpoints


def states(path, values):
    variables = {name: tf.Variable(value) for name, value in values.items()}
    step = tf.Variable(0, dtype=tf.int64)
    return variables, step, Checkpoints(path, variables, step)


def test_a_state_is_restored_with_its_step(tmp_path):
    variables, step, saved = states(tmp_path, {"a/b": [1.0, 2.0], "c": 3.0})
    step.assign(5)
    saved.save()
    variables, _, restored = states(tmp_path, {"a/b": [0.0, 0.0], "c": 0.0})
    assert restored.restore() == 5
    np.testing.assert_array_equal(variables["a/b"], [1.0, 2.0])


def test_without_a_state_the_step_is_0(tmp_path):
    assert states(tmp_path, {"a": 1.0})[2].restore() == 0


@pytest.mark.parametrize("other", [{"a": [1.0, 2.0, 3.0]}, {"b": [1.0, 2.0]}])
def test_a_state_of_other_variables_is_refused(tmp_path, other):
    states(tmp_path, {"a": [1.0, 2.0]})[2].save()
    with pytest.raises(ValueError, match="does not fit this model"):
        states(tmp_path, other)[2].restore()


def test_three_states_are_kept(tmp_path):
    _, step, saved = states(tmp_path, {"a": 1.0})
    for number in range(5):
        step.assign(number)
        saved.save()
    kept = {path.name for path in (tmp_path / "checkpoints").glob("*.index")}
    assert kept == {"ckpt-2.index", "ckpt-3.index", "ckpt-4.index"}


def three_states(path):
    """The values of `a` are 1, 2 and 3 in the states of the steps 1, 2 and 3."""
    variables, step, saved = states(path, {"a": 0.0})
    for number in (1, 2, 3):
        step.assign(number)
        variables["a"].assign(number)
        saved.save()
    return path / "checkpoints"


def shorten(path, size=1000):
    path.write_bytes(path.read_bytes()[:size])


@pytest.mark.parametrize("name", ["ckpt-3.index", "ckpt-3.data-00000-of-00001"])
def test_a_damaged_newest_state_is_named_and_the_one_before_it_is_used(tmp_path, caplog, name):
    shorten(three_states(tmp_path) / name, 20)
    variables, _, restored = states(tmp_path, {"a": 0.0})
    assert restored.restore() == 2 and variables["a"].numpy() == 2
    assert "ckpt-3` is damaged" in caplog.text and "of step 2, is used" in caplog.text


def test_a_state_that_ends_tensorflows_process_is_damaged(tmp_path, caplog, monkeypatch):
    """What kills the process that tries it has no chance to kill this one."""
    three_states(tmp_path)
    died = "reading it ends the process by SIGABRT"
    monkeypatch.setattr(
        checkpoints, "failure", lambda prefix: died if prefix.endswith("3") else None
    )
    assert states(tmp_path, {"a": 0.0})[2].restore() == 2
    assert died in caplog.text


def test_where_all_states_are_damaged_each_is_named(tmp_path):
    folder = three_states(tmp_path)
    for number in (1, 2, 3):
        shorten(folder / f"ckpt-{number}.index", 20)
    with pytest.raises(ValueError, match="ckpt-3` is damaged.*ckpt-2`.*ckpt-1`.*No state is left"):
        states(tmp_path, {"a": 0.0})[2].restore()


def test_a_pipe_in_place_of_a_state_is_not_waited_for(tmp_path):
    index = three_states(tmp_path) / "ckpt-3.index"
    index.unlink()
    os.mkfifo(index)
    assert states(tmp_path, {"a": 0.0})[2].restore() == 2


def test_a_state_of_another_step_than_its_name_is_refused(tmp_path):
    folder = three_states(tmp_path)
    for part in folder.glob("ckpt-3.*"):
        part.rename(part.with_name(part.name.replace("3", "9", 1)))
    with pytest.raises(ValueError, match="ckpt-9` holds the state of step 3"):
        states(tmp_path, {"a": 0.0})[2].restore()


LISTS = {
    "torn": 'model_checkpoint_path: "ck',
    "of a clock set back": 'model_checkpoint_path: "ckpt-3"\nlast_preserved_timestamp: 9e18',
    "gone": None,
}


@pytest.mark.parametrize("content", LISTS.values(), ids=LISTS)
def test_tensorflows_list_of_the_states_is_not_needed(tmp_path, content):
    folder = three_states(tmp_path)
    (folder / "checkpoint").unlink()
    if content:
        (folder / "checkpoint").write_text(content)
    variables, step, saved = states(tmp_path, {"a": 0.0})
    assert saved.restore() == 3
    step.assign(4)
    saved.save()
    assert saved.steps() == [2, 3, 4]


def test_files_elsewhere_that_tensorflows_list_names_are_not_removed(tmp_path):
    folder = three_states(tmp_path)
    other = tmp_path / "thesis-1.index"
    other.write_text("years of work")
    listed = [f"{tmp_path}/thesis-1", "ckpt-2", "ckpt-3"]  # a manager of three drops the first
    content = 'model_checkpoint_path: "ckpt-3"\nlast_preserved_timestamp: 0.0\n'
    for path in listed:
        content += f'all_model_checkpoint_paths: "{path}"\nall_model_checkpoint_timestamps: 1.0\n'
    (folder / "checkpoint").write_text(content)
    _, step, saved = states(tmp_path, {"a": 0.0})
    step.assign(4)
    saved.save()
    assert other.exists() and saved.steps() == [2, 3, 4]


def test_a_state_that_cannot_be_written_is_an_error_that_names_it(tmp_path, monkeypatch):
    def full(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "x; No space left on device\ntwice")

    monkeypatch.setattr(tf.train.CheckpointManager, "save", full)
    with pytest.raises(OSError, match="ckpt-0` can't be written: .*No space left on device.$"):
        states(tmp_path, {"a": 0.0})[2].save()
