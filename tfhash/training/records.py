"""What a training writes down for people: cut off where a resumed training goes on before it."""

import contextlib
import json
import logging
import os
import pathlib

from google.protobuf import message

from tfhash import checks, files
from tfhash.lazy import tf

LOG = logging.getLogger("tfhash")
HISTORY, BOARD = "history.jsonl", "tensorboard"
HEAD, SUM = 12, 4  # bytes before and after an event: its length with a sum, and its own sum


class Board:
    """TensorBoard's file of a training.

    Args:
        path: the model directory.
    Raises:
        OSError: it can't be written, at any time; names the folder.
    """

    def __init__(self, path):
        self.path = os.path.join(path, BOARD)
        with files.writing(self.path):
            self._writer = tf.summary.create_file_writer(self.path)

    @contextlib.contextmanager
    def as_default(self, step):
        """Within this, `tf.summary` writes values of a step here."""
        with files.writing(self.path), self._writer.as_default(step=step):
            yield

    def flush(self):
        """Writes what has been collected."""
        with files.writing(self.path):
            self._writer.flush()


def append(path, values):
    """Adds a line of JSON to a history; a link is not followed."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o666)
    with files.writing(path), open(handle, "a") as file:
        file.write(json.dumps(values) + "\n")


def cut(path, step):
    """Cuts off what the history and TensorBoard's files of a model directory have after a step.

    What a killed run has left half written goes too, with a line in the log.
    """
    history = pathlib.Path(path) / HISTORY
    if history.exists():
        _cut_history(history, step)
    for events in sorted((pathlib.Path(path) / BOARD).glob("events.out.tfevents.*")):
        _cut_events(events, step)


def _cut_history(path, step):
    content = files.read(path, "a history")
    lines = content.splitlines(keepends=True)
    steps = [_step_of(line) for line in lines]
    torn = steps.count(None)
    if torn:
        LOG.info("`%s`: %d lines that are no records are left out.", path, torn)
    kept = b"".join(line for line, one in zip(lines, steps) if one is not None and one <= step)
    if kept != content:
        with files.whole(path) as partial:
            partial.write_bytes(kept)


def _step_of(line):
    """The step of a line of a history; None where it is no whole record."""
    with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
        step = json.loads(line)["step"]
        if isinstance(step, int) and line.endswith(b"\n"):
            return step
    return None


def _cut_events(path, step):
    try:
        files.opened(path, "events of TensorBoard").close()
        with open(path, "r+b") as file:
            file.truncate(_end(file, step))
    except (OSError, ValueError) as error:
        LOG.warning("`%s` stays as it is: %s", path, checks.brief(error))


def _end(file, step):
    """Where the events of the first steps end in an open file, or those that can be read."""
    size, place = os.fstat(file.fileno()).st_size, 0
    while place + HEAD + SUM <= size:
        file.seek(place)
        length = int.from_bytes(file.read(HEAD)[:8], "little")
        if place + HEAD + length + SUM > size:
            break
        try:
            event = tf.compat.v1.Event.FromString(file.read(length))
        except message.DecodeError:
            break
        if event.step > step:
            break
        place += HEAD + length + SUM
    return place
