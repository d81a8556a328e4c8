"""Reads pickles from outside: arrays and plain containers, and nothing that could run.

A pickle names functions and classes and has them called. Here each name that NumPy's pickles use
stands for a small class or function of this file that checks what it is given; NumPy itself never
gets a state from the file. Any other name is refused, and so is what takes time or memory without
end: a few bytes can ask for billions of entries, or nest a tuple so that its hash takes years.
"""

import collections
import io
import os
import pickle
import re

import numpy as np

from tfhash import checks, files

# Of a dtype as pickles write it: numbers, bytes, strings, objects.
CODE = re.compile(r"[<>|=]?([biufcSU][1-9]\d{0,8}|O8?|\?)")
KEYS = (str, bytes, int, float, type(None))  # of dictionaries, and members of sets


class Refused(pickle.UnpicklingError):
    """The pickle holds something that is neither array nor plain container."""


class Unpickler(pickle._Unpickler):
    """Reads containers of plain values; a class below it says which names it admits.

    That of C sizes its table by the highest number that the file names, 4 GiB for a file of 9
    bytes, and calls what it likes. So this is the one of Python, about a microsecond a value.

    Args:
        file: opened to read bytes, read from where it stands.
        encoding: of Python 2's strings; "bytes" leaves them.
    """

    dispatch = dict(pickle._Unpickler.dispatch)

    def __init__(self, file, encoding):
        super().__init__(file, encoding=encoding)
        start = file.tell()
        self._bytes = file.seek(0, io.SEEK_END) - start
        file.seek(start)

    def find_class(self, module, name):
        raise Refused(f"{module}.{name}")

    def get_extension(self, code):
        raise Refused(f"the registered class number {code}")

    def build(self, instance, state):
        """Gives an object of an admitted class its state."""
        if type(instance) is collections.OrderedDict:
            return  # attributes beside its items are not looked at
        if isinstance(instance, type) or not isinstance(instance, (_Dtype, _Array)):
            raise Refused(f"a state for {type(instance).__name__}")
        instance.__setstate__(state)

    def load_build(self):
        state = self.stack.pop()
        self.build(self.stack[-1], state)

    def load_bytearray8(self):
        count = int.from_bytes(self.read(8), "little")
        if count > self._bytes:
            raise pickle.UnpicklingError(f"an array of {count} bytes in a file of {self._bytes}")
        self.append(bytearray(self.read(count)))

    def load_dict(self):
        items = self.pop_mark()
        self.append(_dictionary({}, items))

    def load_setitem(self):
        value, key = self.stack.pop(), self.stack.pop()
        _dictionary(self.stack[-1], [key, value])

    def load_setitems(self):
        items = self.pop_mark()
        _dictionary(self.stack[-1], items)

    def load_additems(self):
        items = self.pop_mark()
        if type(self.stack[-1]) is not set:
            raise Refused(f"members of {type(self.stack[-1]).__name__}")
        self.stack[-1].update(_members(items))

    def load_frozenset(self):
        items = self.pop_mark()
        self.append(frozenset(_members(items)))

    for code, load in (
        (pickle.BUILD, load_build),
        (pickle.BYTEARRAY8, load_bytearray8),
        (pickle.DICT, load_dict),
        (pickle.SETITEM, load_setitem),
        (pickle.SETITEMS, load_setitems),
        (pickle.ADDITEMS, load_additems),
        (pickle.FROZENSET, load_frozenset),
    ):
        dispatch[code[0]] = load
    del code, load


def _dictionary(target, items):
    """Puts the keys and values, one after the other in `items`, into a dictionary."""
    if type(target) not in (dict, collections.OrderedDict):
        raise Refused(f"items of {type(target).__name__}")
    keys = _members(items[::2])
    target.update(zip(keys, items[1::2], strict=True))
    return target


def _members(values):
    """`values`; refused where one is no plain value: the hash of a nest has no bound."""
    for value in values:
        if not isinstance(value, KEYS):
            raise Refused(f"{type(value).__name__} as a key")
    return values


def _set(values=()):
    return set(_members(list(values)))


def _frozenset(values=()):
    return frozenset(_members(list(values)))


def _ordered(pairs=()):
    keys, values = zip(*pairs) if pairs else ((), ())
    return collections.OrderedDict(zip(_members(keys), values))


class _Dtype:
    """A dtype of `CODE`, before and after its byte order is known."""

    def __init__(self, code, align=False, copy=False):
        code = _text(code)
        if not CODE.fullmatch(code):
            raise Refused(f"an array of dtype {code}")
        self.dtype = np.dtype(code)

    def __setstate__(self, state):
        order, details = _text(state[1]), state[2:5]
        if any(detail is not None for detail in details):
            raise Refused("an array with fields")
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
            content = bytes(_content(content))
            right = len(content) == count * dtype.itemsize
        if not right:
            raise pickle.UnpicklingError(f"the content of an array {list(shape)} is incomplete")
        super().__setstate__((1, shape, dtype, bool(fortran), content))


def _text(value):
    """Text or bytes as text; anything else may be a nest whose text has no end."""
    if not isinstance(value, (bytes, str)):
        raise Refused(f"{type(value).__name__} as a name")
    return value.decode("ascii") if isinstance(value, bytes) else value


def _content(value):
    """The bytes of an array; those of Python 2's protocols come as text."""
    value = value.encode("latin1") if isinstance(value, str) else value
    if not isinstance(value, (bytes, bytearray)):
        raise Refused(f"{type(value).__name__} as the content of an array")
    return value


def _shape(shape):
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise pickle.UnpicklingError("a shape that is no tuple of whole numbers")
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
        raise Refused("an array of objects in a buffer")
    flat = np.frombuffer(_content(content), dtype)
    return flat.reshape(_shape(shape), order=_text(order)).copy()


def _scalar(kind, content=None):
    dtype = _dtype(kind)
    if dtype.kind == "O":
        raise Refused("an object as a NumPy scalar")
    return np.frombuffer(_content(content), dtype, count=1)[0]


def _encode(text, encoding="latin1"):
    """`_codecs.encode` for the one encoding that pickles of bytes use."""
    if _text(encoding) != "latin1":
        raise Refused(f"_codecs.encode to {_text(encoding)}")
    return _text(text).encode("latin1")


def _no_bytes():
    """`bytes` as pickles of an empty string use it."""
    return b""


CONTAINERS = {
    ("builtins", "set"): _set,
    ("builtins", "frozenset"): _frozenset,
    ("collections", "OrderedDict"): _ordered,
}
ADMITTED = (
    CONTAINERS
    | {
        ("numpy", "ndarray"): "numpy.ndarray",  # named, never called
        ("numpy", "dtype"): _Dtype,
        ("_codecs", "encode"): _encode,
        ("builtins", "bytes"): _no_bytes,
    }
    | {
        (f"{numpy}.{module}", name): function
        for numpy in ("numpy.core", "numpy._core")  # before and since NumPy 2
        for module, name, function in (
            ("multiarray", "_reconstruct", _reconstruct),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _from_buffer),
        )
    }
)


class _OfArrays(Unpickler):
    """Admits `ADMITTED`."""

    def find_class(self, module, name):
        module = "builtins" if module == "__builtin__" else module  # Python 2
        if (module, name) not in ADMITTED:
            raise Refused(f"{module}.{name}")
        return ADMITTED[module, name]


def load_pickle(path):
    """What a pickle of Python 2 or 3 holds; strings of Python 2 come as bytes.

    Raises:
        ValueError: the file can't be read, is no pickle or is truncated, or it holds more than
            NumPy arrays, numbers, strings and plain containers; names the file and, then, the
            class.
    """
    with files.opened(path, "a pickle") as file:
        return load(file, path)


def load(file, path):
    """As `load_pickle`, of an opened file from where it stands; `path` is for the errors."""
    try:
        return _OfArrays(file, encoding="bytes").load()
    except Refused as error:
        raise ValueError(
            f"`{path}`: expected arrays and plain containers only. It asks for "
            f"{checks.brief(error)}, which could run code or has no bound, so it was not loaded."
        ) from error
    except Exception as error:  # a damaged pickle raises almost anything
        raise ValueError(
            f"`{path}`: expected a whole pickle of {os.path.getsize(path)} bytes. It is damaged, "
            f"truncated or no pickle: {checks.brief(error)}."
        ) from error


def array(value):
    """An array of a pickle, or a list of numbers in it as an array.

    Anything else becomes an object array without dimensions, for the caller to refuse: to make
    an array of nested lists may take time and memory without end.
    """
    if isinstance(value, np.ndarray):
        return value.view(np.ndarray)
    if isinstance(value, list) and all(isinstance(one, (int, float, np.number)) for one in value):
        return np.asarray(value)
    return np.empty((), object)
