"""What a resumed training cuts off of the history and of TensorBoard's files."""

import json
import os

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator

from tfhash.training import records


def write_history(folder, steps, ending=""):
    lines = "".join(json.dumps({"epoch": n, "step": n, "loss": 0.5}) + "\n" for n in steps)
    (folder / "history.jsonl").write_text(lines + ending)


def history(folder):
    lines = (folder / "history.jsonl").read_text().splitlines()
    return [json.loads(line)["step"] for line in lines]


def test_lines_after_the_step_are_cut_off(tmp_path):
    write_history(tmp_path, [2, 4, 6, 8])
    records.cut(tmp_path, 4)
    assert history(tmp_path) == [2, 4]
    records.append(tmp_path / "history.jsonl", {"step": 6})
    assert history(tmp_path) == [2, 4, 6]


@pytest.mark.parametrize("torn", ['{"epoch": 3, "st', '{"step": 6}', "[1]\n", "[" * 10**5 + "\n"])
def test_a_torn_line_is_cut_off_with_a_note(tmp_path, caplog, torn):
    """A whole record without the end of its line is torn too: the next would follow on it."""
    caplog.set_level("INFO")
    write_history(tmp_path, [2, 4], torn)
    records.cut(tmp_path, 9)
    assert history(tmp_path) == [2, 4]
    assert "history.jsonl`: 1 lines that are no records" in caplog.text


def test_a_history_of_before_stays_as_it_is(tmp_path, caplog):
    caplog.set_level("INFO")
    write_history(tmp_path, [2, 4])
    before = os.stat(tmp_path / "history.jsonl")
    records.cut(tmp_path, 4)
    assert os.stat(tmp_path / "history.jsonl") == before and not caplog.text


def test_without_a_history_nothing_is_cut_off(tmp_path):
    records.cut(tmp_path, 4)
    assert list(tmp_path.iterdir()) == []


def test_a_link_as_history_is_not_followed(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    (tmp_path / "history.jsonl").symlink_to("thesis.tex")
    with pytest.raises(OSError):
        records.append(tmp_path / "history.jsonl", {"step": 2})
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def write_events(folder, steps):
    """A file of TensorBoard's with a scalar of each step."""
    writer = tf.summary.create_file_writer(str(folder / "tensorboard"))
    with writer.as_default():
        for step in steps:
            tf.summary.scalar("loss", 0.5, step=step)
    writer.close()
    (path,) = (folder / "tensorboard").iterdir()
    return path


def steps_shown(folder):
    events = event_accumulator.EventAccumulator(str(folder / "tensorboard")).Reload()
    return [event.step for event in events.Tensors("loss")]


def test_tensorboard_shows_no_step_twice_after_a_resumption(tmp_path):
    first = write_events(tmp_path, [1, 2, 3, 4, 5])
    records.cut(tmp_path, 3)
    first.rename(tmp_path / "first")
    write_events(tmp_path, [4, 5, 6])
    (tmp_path / "first").rename(first.with_name("events.out.tfevents.1"))
    assert steps_shown(tmp_path) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("missing", [1, 4, 20, 55])
def test_events_that_were_half_written_are_cut_off(tmp_path, missing):
    path = write_events(tmp_path, [1, 2, 3])
    whole = path.read_bytes()
    path.write_bytes(whole[:-missing])
    records.cut(tmp_path, 9)
    assert whole.startswith(path.read_bytes()) and steps_shown(tmp_path) == [1, 2]


@pytest.mark.parametrize("length", [2**62, 2**63 - 1, 5])
def test_a_damaged_length_of_events_ends_them(tmp_path, length):
    path = write_events(tmp_path, [1, 2])
    whole = path.read_bytes()
    path.write_bytes(whole + length.to_bytes(8, "little") + b"\xff" * 30)
    records.cut(tmp_path, 9)
    assert path.read_bytes() == whole


def test_a_pipe_as_events_is_not_waited_for(tmp_path, caplog):
    (tmp_path / "tensorboard").mkdir()
    os.mkfifo(tmp_path / "tensorboard" / "events.out.tfevents.1")
    records.cut(tmp_path, 9)
    assert "events.out.tfevents.1` stays as it is: " in caplog.text
