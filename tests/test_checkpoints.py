"""Checkpoints whose sums are right and whose content is not, which end TensorFlow's process."""

import os

import pytest
import tensorflow as tf

from benchmarks.fuzzing import tables
from tfhash import checkpoints

PART = ".data-00000-of-00001"


@pytest.fixture
def prefix(tmp_path):
    """A checkpoint of a tensor."""
    path = str(tmp_path / "x.ckpt")
    values = tf.ones([4, 3])
    tf.raw_ops.SaveV2(prefix=path, tensor_names=["Z"], shape_and_slices=[""], tensors=[values])
    return path


def with_index(prefix, case):
    """`prefix` with another index, one that was made by hand."""
    ((_, content),) = tables.hostile("index")[case].items()
    with open(prefix + ".index", "wb") as file:
        file.write(content)
    return prefix


def test_a_whole_checkpoint_can_be_read(prefix):
    assert checkpoints.failure(prefix) is None


@pytest.mark.parametrize("case", ["a type that is none", "2**124 numbers"])
def test_an_index_that_ends_the_process_is_refused(prefix, case):
    reason = checkpoints.failure(with_index(prefix, case))
    assert "reading it ends the process by SIGABRT" in reason


def test_a_tensor_larger_than_the_files_is_refused_at_once(prefix):
    """TensorFlow asked for its memory during ten seconds."""
    reason = checkpoints.failure(with_index(prefix, "2**33 numbers"))
    assert reason == f"Z has the shape [{2**33}], and all values take 48 bytes"


def test_a_part_that_is_too_short_is_refused(prefix):
    """This was an IndexError: Read less bytes than requested."""
    with open(prefix + PART, "r+b") as file:
        file.truncate(40)
    assert "Read less bytes than requested" in checkpoints.failure(prefix)


def test_a_pipe_is_not_waited_for(prefix, tmp_path):
    (tmp_path / ("x.ckpt" + PART)).unlink()
    os.mkfifo(prefix + PART)
    assert "is a pipe" in checkpoints.failure(prefix)
