"""Reads TF1 checkpoints (NAME.ckpt.index and its .data file) as `{name: array}`."""

import os

from tfhash import checkpoints, checks
from tfhash.lazy import tf


def prefix_of(path):
    """The prefix of a TF1 checkpoint (`x.ckpt` for x.ckpt.index), or None if `path` is none."""
    path = os.fspath(path)
    for suffix in (".index", ".meta", ".data-00000-of-00001"):
        path = path.removesuffix(suffix)
    return path if os.path.isfile(path + ".index") else None


def shapes(prefix):
    """`{name: shape}` of a TF1 checkpoint; ValueError where it can't be read."""
    return {name: tuple(shape) for name, shape in _open(prefix).get_variable_to_shape_map().items()}


def read(prefix):
    """The variables of a TF1 checkpoint: `{name: array}`; ValueError where it can't be read."""
    reader = _open(prefix)
    try:
        return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    except (tf.errors.OpError, RuntimeError, IndexError) as error:
        raise _unreadable(prefix, error) from error


def _open(prefix):
    reason = checkpoints.failure(prefix)
    if reason:
        raise _unreadable(prefix, reason)
    try:
        return tf.train.load_checkpoint(prefix)
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        raise _unreadable(prefix, error) from error


def _unreadable(prefix, error):
    return ValueError(
        f"`{prefix}` is not a complete TF1 checkpoint (.index and .data files): "
        f"{checks.brief(error)}."
    )
