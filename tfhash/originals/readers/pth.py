"""Reads PyTorch's .pth files without PyTorch, and without running anything in them.

A .pth file is a pickle that names functions and classes, and beside it the raw content of its
tensors. Here each name that such files use stands for something of this file that only keeps
what it is given: storages, tensors, and the modules of networks as bare dictionaries of their
attributes. Any other name is refused.
"""

import collections
import io
import pickle
import re
import zipfile

import numpy as np

MAGIC = 119547037146038801333356  # the first pickle of a file before PyTorch 1.6
PROTOCOL = 1001
STORAGES = {
    "Double": "<f8", "Float": "<f4", "Half": "<f2", "BFloat16": "bfloat16", "Long": "<i8",
    "Int": "<i4", "Short": "<i2", "Char": "<i1", "Byte": "<u1", "Bool": "|b1",
}  # fmt: skip
# Modules of networks: PyTorch's own, torchvision's, and those of HashNet's network.py.
MODULES = re.compile(r"(torch\.nn\.modules|torchvision\.models)\.\w+(\.\w+)*|network")
MODULE_NAME = re.compile(r"[A-Z]\w*")
HEAD = ("fc.", "classifier.6.")  # the last layer of a network trained on ImageNet


class _Refused(pickle.UnpicklingError):
    """The file names something that is neither a tensor, nor a module, nor a container."""


class Module:
    """A pickled module: its attributes as they are in the file, and nothing that runs."""

    def __init__(self):
        self.attributes = {}

    def __setstate__(self, state):
        if not isinstance(state, dict):
            raise _Refused(f"a module with a state of {type(state).__name__}")
        self.attributes = state

    def arrays(self, prefix=""):
        """`{name: array}` as PyTorch's `state_dict` names them."""
        found = {}
        for kind in ("_parameters", "_buffers"):
            for name, value in self.attributes.get(kind, {}).items():
                if value is not None:
                    found[prefix + name] = value
        for name, module in self.attributes.get("_modules", {}).items():
            if isinstance(module, Module):
                found |= module.arrays(f"{prefix}{name}.")
        return found


class _Unpickler(pickle.Unpickler):
    """Args: data: the pickle; storage: `(key, kind, count)` -> flat array."""

    def __init__(self, data, storage):
        super().__init__(data, encoding="utf-8")
        self._storage = storage

    def find_class(self, module, name):
        if module == "collections" and name == "OrderedDict":
            return collections.OrderedDict
        if module == "torch" and name.removesuffix("Storage") in STORAGES:
            return name.removesuffix("Storage")
        if module == "torch._utils" and name in REBUILDERS:
            return REBUILDERS[name]
        if MODULES.fullmatch(module) and MODULE_NAME.fullmatch(name):
            return Module
        if module in ("builtins", "__builtin__") and name == "set":
            return set
        raise _Refused(f"{module}.{name}")

    def persistent_load(self, identity):
        if identity[0] == "module":  # class, source file, source text: never looked at
            return identity[1]
        _, kind, key, _, count, *view = identity
        if identity[0] != "storage" or kind not in STORAGES or any(view):
            raise _Refused(f"a {identity[0]!r} object of {kind!r}")
        return self._storage(str(key), kind, int(count))


def _rebuild_tensor(storage, offset, size, stride, *_):
    """A tensor: a view of a storage, copied so that tensors do not share memory."""
    parts = (offset, *size, *stride)
    if not isinstance(storage, np.ndarray) or not all(type(n) is int and n >= 0 for n in parts):
        raise pickle.UnpicklingError("a tensor has no storage or a negative size")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride))
    if len(size) != len(stride) or (0 not in size and last >= len(storage)):
        raise pickle.UnpicklingError(f"a tensor {list(size)} is larger than its storage")
    if 0 in size:
        return np.zeros(size, storage.dtype)
    steps = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], size, steps).copy()


def _rebuild_parameter(tensor, *_):
    return tensor


REBUILDERS = {
    "_rebuild_tensor": _rebuild_tensor,
    "_rebuild_tensor_v2": _rebuild_tensor,
    "_rebuild_parameter": _rebuild_parameter,
}


def load(path):
    """What a .pth file holds: containers, numbers, NumPy arrays, and `Module`s.

    bfloat16 tensors come as float32.

    Raises:
        ValueError: the file is missing, damaged or no .pth file, or it names something that
            could run code; names the file and, then, the name.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise ValueError(f"Expected a .pth file at `{path}`: {error}") from error
    try:
        reader = _load_zip if zipfile.is_zipfile(io.BytesIO(data)) else _load_legacy
        return reader(data)
    except _Refused as error:
        raise ValueError(
            f"`{path}`: expected tensors, modules and plain containers only. It asks for {error}, "
            "which could run code, so it was not loaded."
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # a damaged file raises almost anything
        raise ValueError(
            f"`{path}`: expected a whole .pth file. Its {len(data)} bytes are damaged, truncated "
            f"or no .pth file: {str(error) or type(error).__name__}."
        ) from error


def _load_zip(data):
    """A file since PyTorch 1.6: NAME/data.pkl, NAME/data/KEY, NAME/byteorder."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        root = next(name for name in names if name.endswith("/data.pkl")).removesuffix("data.pkl")
        if root + "byteorder" in names and archive.read(root + "byteorder") != b"little":
            raise pickle.UnpicklingError("its numbers are big-endian")
        storages = {}

        def storage(key, kind, count):
            if key not in storages:
                storages[key] = _flat(archive.read(f"{root}data/{key}"), kind, count)
            return storages[key]

        return _Unpickler(io.BytesIO(archive.read(root + "data.pkl")), storage).load()


def _load_legacy(data):
    """Five pickles: magic, protocol, system, the object, the keys; then each key's content.

    The object is read twice: the first time for the kinds and sizes of the storages alone.
    """
    file = io.BytesIO(data)

    def plain():
        return _Unpickler(file, None).load()

    if plain() != MAGIC or plain() != PROTOCOL or not plain().get("little_endian", True):
        raise pickle.UnpicklingError("no little-endian .pth file")
    start, wanted = file.tell(), {}

    def first_look(key, kind, count):
        wanted[key] = kind
        return np.lib.stride_tricks.as_strided(np.zeros(1, np.int8), (count,), (0,))

    _Unpickler(file, first_look).load()
    storages = {}
    for key in map(str, plain()):
        count = int.from_bytes(file.read(8), "little")
        size = count * _itemsize(wanted[key])
        storages[key] = _flat(file.read(size), wanted[key], count)
    file.seek(start)
    return _Unpickler(file, lambda key, *_: storages[key]).load()


def _itemsize(kind):
    return 2 if kind == "BFloat16" else np.dtype(STORAGES[kind]).itemsize


def _flat(content, kind, count):
    if len(content) != count * _itemsize(kind):
        raise pickle.UnpicklingError(
            f"a storage of {count} numbers has {len(content)} of its "
            f"{count * _itemsize(kind)} bytes"
        )
    if kind == "BFloat16":  # the upper half of a float32
        return (np.frombuffer(content, "<u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(content, STORAGES[kind])


def read(path):
    """The arrays of a state dict, of a checkpoint that holds one, or of a pickled module.

    Returns:
        `{name: array}` by torchvision's names: without "module." of a data-parallel network, and
        of a HashNet snapshot without "0." and the copies under "feature_layers."; and
        `{"iter_num": ..., "scale": ...}` of a HashNet snapshot, else `{}`.
    Raises:
        ValueError: as `load`, or there is no state dict.
    """
    stored = load(path)
    counts = {}
    if isinstance(stored, dict) and isinstance(stored.get("state_dict"), dict):
        stored = stored["state_dict"]
    if isinstance(stored, Module):
        inner = stored.attributes.get("_modules", {}).get("0", stored)
        if isinstance(inner, Module):
            known = inner.attributes
            counts = {name: known[name] for name in ("iter_num", "scale") if name in known}
        stored = stored.arrays()
    if not isinstance(stored, dict) or not all(
        isinstance(name, str) and isinstance(array, np.ndarray) for name, array in stored.items()
    ):
        raise ValueError(f"`{path}`: expected a dictionary of tensors, a state dict.")
    return {_plain_name(name): array for name, array in stored.items() if _own(name)}, counts


def _own(name):
    return "feature_layers." not in name and not name.endswith("num_batches_tracked")


def _plain_name(name):
    name = name.removeprefix("module.")
    name = re.sub(r"^0\.(?=\w*[a-z]\w*\.)", "", name)  # 0.conv1.weight, not the 0.weight of a list
    return re.sub(r"^classifier\.classifier(?=\d)", "classifier.", name)


def torch_name(path):
    """The name in a state dict of a variable of the networks here: conv1/kernel, conv1.weight."""
    layer, _, leaf = path.rpartition("/")
    leaves = {"kernel": "weight", "gamma": "weight", "beta": "bias",
              "moving_mean": "running_mean", "moving_variance": "running_var"}  # fmt: skip
    return f"{layer}.{leaves.get(leaf, leaf)}"


def to_keras(array):
    """A PyTorch kernel as Keras lays it out: `[out, in, h, w]` or `[out, in]`; vectors as is."""
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    return array.T


def fitting(variables, arrays, path, *, head):
    """`{name: array}` for the variables of a torchvision network.

    Args:
        variables: `{name: variable}` of the network.
        arrays: what `read` gives.
        path: the file, for the error.
        head: whether the file must hold the hash layer too; else it keeps what it has.
    Raises:
        ValueError: the file is of another network; names the first keys that differ.
    """
    wanted = {torch_name(name): name for name in variables}
    if not head:
        wanted = {key: name for key, name in wanted.items() if not key.startswith("hash_layer.")}
    extra = [key for key in arrays if key not in wanted and not key.startswith(HEAD)]
    missing = [key for key in wanted if key not in arrays]
    if not head:
        extra = [key for key in extra if not key.startswith("hash_layer.")]
    if missing or extra:
        raise ValueError(
            f"`{path}` holds the weights of another network. Missing: {missing[:3]}, "
            f"unknown: {extra[:3]}. Choose the network by --net."
        )
    return {name: to_keras(arrays[key]) for key, name in wanted.items()}
