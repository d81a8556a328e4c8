"""Reads the weight files of the originals as `{name: array}`."""

import os

import numpy as np
import tensorflow as tf


def read_mat(path):
    """The variables of a MATLAB 5 file, by their TF1 names without the `:0`, squeezed.

    Raises:
        ValueError: the file is missing or no such file; names it.
    """
    import scipy.io

    if not os.path.isfile(path):
        raise ValueError(f"Expected a .mat file at `{path}`. There is none.")
    try:
        stored = scipy.io.loadmat(path)
    except Exception as error:  # scipy raises what its parser meets
        raise ValueError(f"`{path}` is no MATLAB 5 file, or is truncated: {error}") from error
    return {
        name.removesuffix(":0"): np.squeeze(array)
        for name, array in stored.items()
        if not name.startswith("__")
    }


def shapes(path):
    """`{name: shape}` of a trained model's file of an original, or None if `path` is none.

    Reads TF1 checkpoints.
    """
    prefix = checkpoint_prefix(path)
    return None if prefix is None else checkpoint_shapes(prefix)


def checkpoint_prefix(path):
    """The prefix of a TF1 checkpoint (`x.ckpt` for x.ckpt.index), or None if `path` is none."""
    path = os.fspath(path)
    for suffix in (".index", ".meta", ".data-00000-of-00001"):
        path = path.removesuffix(suffix)
    return path if os.path.isfile(path + ".index") else None


def checkpoint_shapes(prefix):
    """`{name: shape}` of a TF1 checkpoint; ValueError where it can't be read."""
    return {name: tuple(shape) for name, shape in _open(prefix).get_variable_to_shape_map().items()}


def read_checkpoint(prefix):
    """The variables of a TF1 checkpoint: `{name: array}`; ValueError where it can't be read."""
    reader = _open(prefix)
    try:
        return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    except (tf.errors.OpError, RuntimeError, IndexError) as error:
        raise _unreadable(prefix, error) from error


def _open(prefix):
    try:
        return tf.train.load_checkpoint(prefix)
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        raise _unreadable(prefix, error) from error


def _unreadable(prefix, error):
    first = str(error).splitlines()[0]
    return ValueError(f"`{prefix}` is no whole TF1 checkpoint (.index and .data files): {first}")
