"""Reads pickles from outside: arrays and plain containers, and nothing that could run.

A pickle names functions and classes and has them called. Here each name that NumPy's pickles use
stands for a small class or function of this file that checks what it is given; NumPy itself never
gets a state from the file. Any other name is refused.
"""

import collections
import io
import pickle

import numpy as np

PLAIN_KINDS = "biufcSU"  # of a dtype: numbers, bytes, strings


class _Refused(pickle.UnpicklingError):
    """The pickle holds something that is neither array nor plain container."""


class _Dtype:
    """A dtype of `PLAIN_KINDS` or object, before and after its byte order is known."""

    def __init__(self, code, align=False, copy=False):
        self.dtype = np.dtype(_text(code))
        if self.dtype.kind not in PLAIN_KINDS + "O":
            raise _Refused(f"an array of dtype {self.dtype}")

    def __setstate__(self, state):
        order, details = _text(state[1]), state[2:5]
        if any(detail is not None for detail in details):
            raise _Refused("an array with fields")
        if order in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(order)


class _Array(np.ndarray):
    """An array whose content follows in the pickle."""

    def __setstate__(self, state):
        _, shape, kind, fortran, content = state
        shape, dtype = _shape(shape), _dtype(kind)
        count = int(np.prod(shape, dtype=object))
        if dtype.kind == "O":
            right = isinstance(content, list) and len(content) == count
        else:
            content = content.encode("latin1") if isinstance(content, str) else content
            right = isinstance(content, bytes) and len(content) == count * dtype.itemsize
        if not right:
            raise pickle.UnpicklingError(f"the content of an array {list(shape)} is incomplete")
        super().__setstate__((1, shape, dtype, bool(fortran), content))


def _text(value):
    return value.decode("ascii") if isinstance(value, bytes) else str(value)


def _shape(shape):
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise pickle.UnpicklingError(f"{shape!r} is no shape")
    return shape


def _dtype(kind):
    if not isinstance(kind, _Dtype):
        raise pickle.UnpicklingError(f"{type(kind).__name__} is no dtype")
    return kind.dtype


def _reconstruct(*_):
    return np.ndarray.__new__(_Array, (0,), np.int8)


def _from_buffer(content, kind, shape, order):
    """An array of protocol 5."""
    dtype = _dtype(kind)
    if dtype.kind == "O":
        raise _Refused("an array of objects in a buffer")
    return np.frombuffer(content, dtype).reshape(_shape(shape), order=_text(order)).copy()


def _scalar(kind, content=None):
    dtype = _dtype(kind)
    if dtype.kind == "O":
        raise _Refused("an object as a NumPy scalar")
    content = content.encode("latin1") if isinstance(content, str) else content
    return np.frombuffer(content, dtype, count=1)[0]


def _encode(text, encoding="latin1"):
    """`_codecs.encode` for the one encoding that pickles of bytes use."""
    if _text(encoding) != "latin1":
        raise _Refused(f"_codecs.encode to {_text(encoding)}")
    return _text(text).encode("latin1")


def _no_bytes():
    """`bytes` as pickles of an empty string use it."""
    return b""


ADMITTED = {
    ("numpy", "ndarray"): "numpy.ndarray",  # named, never called
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
    ("builtins", "bytes"): _no_bytes,
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("collections", "OrderedDict"): collections.OrderedDict,
} | {
    (f"{numpy}.{module}", name): function
    for numpy in ("numpy.core", "numpy._core")  # before and since NumPy 2
    for module, name, function in (
        ("multiarray", "_reconstruct", _reconstruct),
        ("multiarray", "scalar", _scalar),
        ("numeric", "_frombuffer", _from_buffer),
    )
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        module = "builtins" if module == "__builtin__" else module  # Python 2
        if (module, name) not in ADMITTED:
            raise _Refused(f"{module}.{name}")
        return ADMITTED[module, name]


def load_pickle(path, start=0):
    """What a pickle of Python 2 or 3 holds; strings of Python 2 come as bytes.

    Args:
        path: the file.
        start: bytes before the pickle, as the header of an .npy file.
    Raises:
        ValueError: the file is no pickle or is truncated, or it holds more than NumPy arrays,
            numbers, strings and plain containers; names the file and, then, the class.
    """
    with open(path, "rb") as file:
        file.seek(start)
        data = file.read()
    try:
        return _Unpickler(io.BytesIO(data), encoding="bytes").load()
    except _Refused as error:
        raise ValueError(
            f"`{path}`: expected arrays and plain containers only. It asks for {error}, "
            "which could run code, so it was not loaded."
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # a damaged pickle raises almost anything
        raise ValueError(
            f"`{path}`: expected a whole pickle of {len(data)} bytes. It is damaged, truncated or "
            f"no pickle: {str(error) or type(error).__name__}."
        ) from error
