"""Reads PyTorch's files of every layout since 2016, without PyTorch and running nothing in them.

Such a file is a pickle that names functions and classes, and beside it the raw content of its
tensors. Here each name that such files use stands for something of this file that only keeps
what it is given: storages, tensors, and the modules of networks as bare dictionaries of their
attributes. Any other name is refused.

Three layouts: a zip archive since PyTorch 1.6; a row of pickles with the contents behind them
since 0.1.10; before it a tar archive of the members sys_info, pickle, tensors and storages.
"""

import io
import math
import pickle
import re
import zipfile

import numpy as np

from tfhash import checks, files, unpickle
from tfhash.originals.readers import torch_storages

MAGIC = 119547037146038801333356  # the first pickle of a file before PyTorch 1.6
PROTOCOL = 1001
# Modules of networks: PyTorch's own, torchvision's, and those of HashNet's network.py.
MODULES = re.compile(r"(torch\.nn\.(modules|parallel)|torchvision\.models)\.\w+(\.\w+)*|network")
MODULE_NAME = re.compile(r"[A-Z]\w*")
MOST_MODULES, LONGEST_NAME = 10000, 1000  # of a network; modules may hold each other, without end
BLOCK = 512  # bytes of a tar archive


class Module:
    """A pickled module: its attributes as they are in the file, and nothing that runs."""

    def __init__(self):
        self.attributes = {}

    def members(self, kind):
        """`{name: member}` of the attribute `kind`, as "_parameters"; without what is no text."""
        members = self.attributes.get(kind)
        if not isinstance(members, dict):
            return {}
        return {name: member for name, member in members.items() if isinstance(name, str)}

    def arrays(self):
        """`{name: array}` as PyTorch's `state_dict` names them.

        Raises:
            ValueError: the modules hold each other, or are too many.
        """
        found, waiting = {}, [("", self)]
        for _ in range(MOST_MODULES):
            if not waiting:
                return found
            prefix, module = waiting.pop()
            for name, value in (module.members("_parameters") | module.members("_buffers")).items():
                if isinstance(value, np.ndarray):
                    found[prefix + name] = value.view(np.ndarray)
            inner = [
                (f"{prefix}{name}.", child)
                for name, child in module.members("_modules").items()
                if isinstance(child, Module)
            ]
            waiting += reversed(inner)
            if len(prefix) > LONGEST_NAME or len(waiting) > MOST_MODULES:
                break
        raise ValueError("modules that hold each other, or too many of them")


class _Tensor(np.ndarray):
    """A tensor whose content follows in the pickle: of PyTorch before 0.2 (`torch.FloatTensor`)."""

    def __new__(cls):
        return np.ndarray.__new__(cls, (0,), np.float32)


class _Variable(_Tensor):
    """A parameter: the tensor that it is made of, or one that follows."""

    def __new__(cls, tensor=None, *_):
        if tensor is None:
            return super().__new__(cls)
        if not isinstance(tensor, np.ndarray):
            raise pickle.UnpicklingError("a parameter of no tensor")
        return tensor


class _Unpickler(unpickle.Unpickler):
    """Reads a pickle of such a file.

    Args:
        file: opened.
        stored: `identity` -> what the persistent identity of an object stands for.
        room: bytes of the tensors whose content is copied, at most.
    """

    def __init__(self, file, stored, room=0):
        super().__init__(file, encoding="utf-8")
        self.persistent_load = stored
        self._room = room

    def find_class(self, module, name):
        module = "builtins" if module == "__builtin__" else module  # Python 2
        kind = re.sub(r"(Storage|Tensor)$", "", name)
        if module in ("torch", "torch.cuda") and kind != name and kind in torch_storages.KINDS:
            return kind if name.endswith("Storage") else _Tensor
        if MODULES.fullmatch(module) and MODULE_NAME.fullmatch(name):
            return Module
        if (module, name) not in ADMITTED:
            raise unpickle.Refused(f"{module}.{name}")
        return ADMITTED[module, name]

    def build(self, instance, state):
        if isinstance(instance, Module) and isinstance(state, dict):
            instance.attributes = state
        elif isinstance(instance, np.ndarray) and isinstance(state, tuple):
            self._set(instance, state)
        else:
            super().build(instance, state)

    def _set(self, tensor, state):
        """Gives a tensor its content, from the state of a tensor (4) or a parameter (3 or 5)."""
        if len(state) == 3:
            return  # whether it has a gradient, is volatile, and its hooks
        content = state[0] if len(state) == 5 else _rebuild_tensor(*state)
        if not isinstance(tensor, _Tensor) or tensor.size or not isinstance(content, np.ndarray):
            raise pickle.UnpicklingError("a state for a tensor that has one")
        self._room -= content.nbytes
        if self._room < 0:
            raise pickle.UnpicklingError("its tensors are larger than the file")
        state = (1, content.shape, content.dtype, False, content.tobytes())
        np.ndarray.__setstate__(tensor, state)


def _rebuild_tensor(storage, offset, size, stride, *_):
    """A tensor: a view of a storage. A storage of None, at a first look, gives an empty one."""
    if storage is None:
        return np.empty(0, np.float32)
    parts = (offset, *size, *stride)
    flat = type(storage) is np.ndarray and storage.ndim == 1 and storage.flags.c_contiguous
    if not flat or not all(type(n) is int and n >= 0 for n in parts):
        raise pickle.UnpicklingError("a tensor has no storage or a negative size")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride))
    # Steps of 0 make a view as large as one likes of a storage of one number.
    larger = last >= len(storage) or math.prod(size) > len(storage)
    if len(size) != len(stride) or (0 not in size and larger):
        raise pickle.UnpicklingError(f"a tensor {list(size)} is larger than its storage")
    if 0 in size:
        return np.zeros(size, storage.dtype)
    steps = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], size, steps, writeable=False)


def _rebuild_parameter(tensor, *_):
    return tensor


def _size(sides=()):
    return tuple(sides)


def _backend():
    """What PyTorch before 1.0 keeps in each module: a table of functions."""


ADMITTED = unpickle.CONTAINERS | {
    ("torch", "Size"): _size,
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("torch.nn.parameter", "Parameter"): _Variable,
    ("torch.autograd.variable", "Variable"): _Variable,
    ("torch.nn.backends.thnn", "_get_thnn_function_backend"): _backend,
}


def load(path):
    """What a file of PyTorch holds: containers, numbers, NumPy arrays, and `Module`s.

    The arrays are views of the file's content. bfloat16 tensors come as float32.

    Raises:
        ValueError: the file is missing, damaged or of another format, or it names something that
            could run code; names the file and, then, the name.
    """
    with files.opened(path, "a .pth file", zipped=True) as file:
        data = file.read()
    reader = _load_rows
    if data.startswith(b"PK\3\4"):
        reader = _load_zip
    if data[257:262] == b"ustar":
        reader = _load_tar
    try:
        return reader(data)
    except unpickle.Refused as error:
        raise ValueError(
            f"`{path}`: expected tensors, modules and plain containers only. It asks for "
            f"{checks.brief(error)}, which could run code or has no bound, so it was not loaded."
        ) from error
    except Exception as error:  # a damaged file raises almost anything
        raise ValueError(
            f"`{path}`: expected a complete .pth file. Its {len(data)} bytes are damaged, "
            f"truncated or of another format: {checks.brief(error)}."
        ) from error


def _storages(storage):
    """For `_Unpickler`: persistent identities of storages and of the classes of modules.

    Args:
        storage: `(key, kind, count)` -> the content of a storage.
    """

    def stored(identity):
        if identity[0] == "module":  # class, source file, source text: never looked at
            return identity[1]
        _, kind, key, _, count, *view = identity
        known = isinstance(kind, str) and isinstance(key, (str, int)) and type(count) is int
        if identity[0] != "storage" or not known or kind not in torch_storages.KINDS or any(view):
            raise unpickle.Refused("an object that is no storage")
        return storage(str(key), kind, count)

    return stored


def _plain(file):
    """The next pickle in a file, of plain values and names of storages."""
    return _Unpickler(file, _nothing).load()


def _nothing(_):
    raise unpickle.Refused("an object beside the pickle")


def _load_zip(data):
    """A file since PyTorch 1.6: NAME/data.pkl, NAME/data/KEY, NAME/byteorder."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        root = next(name for name in names if name.endswith("/data.pkl")).removesuffix("data.pkl")
        read = _reader(archive, len(data))
        if root + "byteorder" in names and read(root + "byteorder") != b"little":
            raise pickle.UnpicklingError("its numbers are big-endian")
        contents = {}

        def storage(key, kind, count):
            if key not in contents:
                contents[key] = torch_storages.flat(read(f"{root}data/{key}"), kind, count)
            return contents[key]

        return _Unpickler(io.BytesIO(read(root + "data.pkl")), _storages(storage)).load()


def _reader(archive, room):
    """`name -> bytes` of a member; PyTorch compresses none, so all are no larger than the file."""

    def read(name):
        nonlocal room
        member = archive.getinfo(name)
        room -= member.file_size
        if member.compress_type != zipfile.ZIP_STORED or room < 0:
            raise pickle.UnpicklingError(f"{name} is compressed or larger than the file")
        return archive.read(member)

    return read


def _load_rows(data):
    """Five pickles: magic, protocol, system, the object, the keys; then each key's content.

    The object is read twice: the first time for the kinds of the storages alone.
    """
    file = io.BytesIO(data)
    if _plain(file) != MAGIC or _plain(file) != PROTOCOL:
        raise pickle.UnpicklingError("it begins with no number of a .pth file")
    if not _plain(file).get("little_endian", True):
        raise pickle.UnpicklingError("its numbers are big-endian")
    start, kinds = file.tell(), {}
    _Unpickler(file, _storages(lambda key, kind, count: kinds.update({key: kind}))).load()
    contents = {}
    for key in _plain(file):
        if not isinstance(key, (str, int)):
            raise unpickle.Refused(f"{type(key).__name__} as a key")
        contents[str(key)] = torch_storages.content(file, kinds[str(key)])
    file.seek(start)
    return _Unpickler(file, _storages(lambda key, *_: contents[key]), len(data)).load()


def _load_tar(data):
    """Members storages and tensors, which the member pickle names by number.

    storages: their number, and for each (key, place, kind) and its content; then a list of
    (key, key of another, first, count) of those that are parts of others. tensors: their number,
    and for each (key, key of the storage, class) and sizes, steps and the first position.
    """
    members = _tar_members(data)
    file, stored = io.BytesIO(members["storages"]), {}
    for _ in range(_plain(file)):
        key, *_, kind = _plain(file)
        stored[int(key)] = torch_storages.content(file, kind)
    parts = _plain(file) if file.tell() < len(members["storages"]) else []
    for key, other, first, count in parts:
        stored[int(key)] = stored[int(other)][int(first) : int(first) + int(count)]
    file = io.BytesIO(members["tensors"])
    for _ in range(_plain(file)):
        key, storage, _ = _plain(file)
        dims = torch_storages.whole_numbers(file, 1)[0]
        size, stride = (
            torch_storages.whole_numbers(file, dims),
            torch_storages.whole_numbers(file, dims),
        )
        offset = torch_storages.whole_numbers(file, 1)[0]
        stored[int(key)] = _rebuild_tensor(stored[int(storage)], offset, size, stride)

    def of_number(identity):
        return identity[0] if isinstance(identity, tuple) else stored[int(identity)]

    return _Unpickler(io.BytesIO(members["pickle"]), of_number, len(data)).load()


def _tar_members(data):
    """`{name: content}` of the plain files of a tar archive."""
    members, start = {}, 0
    while data[start : start + BLOCK].strip(b"\0"):
        header = data[start : start + BLOCK]
        size = int(header[124:136].strip(b"\0 "), 8)
        if size < 0 or start + BLOCK + size > len(data):
            raise pickle.UnpicklingError("a member of the archive is truncated")
        if header[156:157] in (b"0", b"\0"):
            name = header[:100].rstrip(b"\0").decode()
            members[name] = data[start + BLOCK : start + BLOCK + size]
        start += BLOCK * (1 + -(-size // BLOCK))
    return members
