"""Reads and writes TF1 checkpoints (NAME.ckpt.index and its .data file) as `{name: array}`."""

import glob
import json
import os
import re
import tempfile

from tfhash import checkpoints, checks, files
from tfhash.lazy import tf

DATA, INDEX = ".data-00000-of-00001", ".index"  # ends of the names of a checkpoint's files
# What optimizers add: their slots, their powers, and counters of steps, some without a name.
OPTIMIZERS = re.compile(r".*/(Adam|Momentum)(_\d)?|beta\d_power(_\d)?|global_step|Variable(_\d)?")


def prefix_of(path):
    """The prefix of a TF1 checkpoint (`x.ckpt` for x.ckpt.index), or None if `path` is none."""
    path = os.fspath(path)
    for suffix in (INDEX, ".meta", DATA):
        path = path.removesuffix(suffix)
    return path if os.path.isfile(path + INDEX) else None


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


def of_model(names):
    """The names of variables but for those that optimizers add."""
    return {name for name in names if not OPTIMIZERS.fullmatch(name)}


def write(prefix, arrays):
    """Writes a checkpoint as a `Saver` of TF1 does, whole or not at all.

    That is NAME.index, NAME.data-00000-of-00001, and beside them the file `checkpoint`, which
    names it as the newest of its folder, also where that named others before.

    Args:
        prefix: of the files, such as x.ckpt.
        arrays: `{name: array}`.
    """
    folder, name = os.path.split(os.path.abspath(prefix))
    os.makedirs(folder, exist_ok=True)
    temporary = tempfile.TemporaryDirectory(prefix=f".{name}.", dir=folder)
    with files.writing(prefix), temporary as fresh:
        partial = os.path.join(fresh, name)
        tf.raw_ops.SaveV2(
            prefix=partial,
            tensor_names=list(arrays),
            shape_and_slices=[""] * len(arrays),
            tensors=list(arrays.values()),
        )
        target = os.path.join(folder, name)
        if os.path.exists(target + INDEX):  # without it there is no checkpoint
            os.remove(target + INDEX)
        for ending in (DATA, INDEX):
            files.sync(partial + ending)
            os.replace(partial + ending, target + ending)
    with files.whole(os.path.join(folder, "checkpoint")) as path:
        quoted = json.dumps(name, ensure_ascii=False)
        path.write_text(f"model_checkpoint_path: {quoted}\nall_model_checkpoint_paths: {quoted}\n")


def _open(prefix):
    for part in (prefix + INDEX, *glob.glob(f"{glob.escape(prefix)}.data-*")):
        files.opened(part, "a file of a TF1 checkpoint").close()
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
