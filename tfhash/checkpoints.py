"""Checks TensorFlow's checkpoints, of TF1 and TF2, before TensorFlow reads them.

Its reader aborts, and the whole process with it, on some files whose sums are right and whose
content is not. So it reads them once in a process of its own.
"""

import functools
import glob
import importlib
import importlib.util
import math
import os
import stat
import sys
import types

from tfhash import sandbox

READER = "tensorflow.python.util._pywrap_checkpoint_reader"
NUMPY = "tensorflow.python.client._pywrap_tf_session"  # prepares NumPy for what the reader gives
MEMORY, JUSTIFIED = 512 * sandbox.MIB, 3  # bytes that reading may take, and for each of the files


def failure(prefix):
    """Why a checkpoint can't be read to its end, in a few words; None if it can.

    It is read once while its files stay the same, in about a second and twice the time of reading.

    Args:
        prefix: of its files, `x.ckpt` for x.ckpt.index and x.ckpt.data-00000-of-00001.
    """
    parts = sorted(glob.glob(f"{glob.escape(os.fspath(prefix))}.*"))
    stats = [os.stat(part) for part in parts]
    for part, one in zip(parts, stats):
        if not stat.S_ISREG(one.st_mode):
            return f"{part} is a pipe, a device or a folder"
    state = tuple((part, one.st_size, one.st_mtime_ns) for part, one in zip(parts, stats))
    return _failure(os.path.abspath(prefix), sum(one.st_size for one in stats), state)


@functools.lru_cache(maxsize=64)
def _failure(prefix, size, state):
    return sandbox.failure(_read, prefix, memory=MEMORY + JUSTIFIED * size, size=size)


def _read(prefix):
    reader, get = _reader(prefix)
    room = sum(map(os.path.getsize, glob.glob(f"{glob.escape(prefix)}.data-*")))
    for name, shape in reader.get_variable_to_shape_map().items():
        if math.prod(shape) > room:  # TensorFlow asks for its memory during ten seconds
            raise ValueError(f"{name} has the shape {shape}, and all values take {room} bytes")
        get(reader, name)


def _reader(prefix):
    """TensorFlow's reader of a checkpoint, and its function `(reader, name) -> array`.

    Without the rest of TensorFlow where that is possible, which takes ten seconds of the
    processor. So this is for a process that does nothing else.
    """
    bare = types.ModuleType("tensorflow")
    bare.__path__ = list(importlib.util.find_spec("tensorflow").submodule_search_locations)
    sys.modules["tensorflow"] = bare
    try:
        importlib.import_module(NUMPY)
        kind = importlib.import_module(READER).CheckpointReader
        get = kind.CheckpointReader_GetTensor
    except (ImportError, AttributeError):  # a TensorFlow that is laid out in another way
        for name in [name for name in sys.modules if name.partition(".")[0] == "tensorflow"]:
            del sys.modules[name]
        reader = importlib.import_module("tensorflow").train.load_checkpoint(prefix)
        return reader, lambda reader, name: reader.get_tensor(name)
    return kind(prefix), lambda reader, name: get(reader, name.encode())
