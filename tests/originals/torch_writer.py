"""Writes .pth files as PyTorch of 2016 to 2018 did, by stand-ins for its classes.

Made from PyTorch's sources: torch/serialization.py and torch/tensor.py of 0.1.8, 0.1.10 and 0.3.1,
torch/nn/backends/thnn.py, and `Variable.__reduce_ex__` in torch/autograd/variable.py.
"""

import collections
import io
import pickle
import struct
import sys
import tarfile
import types

import numpy as np
import pytest

MAGIC, PROTOCOL = 119547037146038801333356, 1001


class FloatStorage:
    def __init__(self, array):
        self.array = np.ascontiguousarray(array, np.float32).ravel()


class FloatTensor:
    """Of 0.1.10: called without arguments, its content in the state."""

    def __init__(self, array=None):
        self.shape, self.storage = np.shape(array), FloatStorage(array)

    def parts(self):
        strides = np.zeros(self.shape, np.int8).strides
        return self.storage, 0, tuple(self.shape), tuple(strides)

    def __reduce__(self):
        return FloatTensor, (), self.parts()


class RebuiltTensor(FloatTensor):
    """Of 0.3.1: a function that gets the content."""

    def __reduce__(self):
        return _rebuild_tensor, self.parts()


class Parameter:
    """`state` has three entries since 0.1.11, and before it five, with the tensor among them."""

    def __init__(self, data=None, entries=3):
        self.data, self.entries = data, entries

    def __reduce_ex__(self, protocol):
        if self.entries == 5:
            return Parameter, (), (self.data, None, collections.OrderedDict(), True, False)
        return Parameter, (self.data,), (True, False, collections.OrderedDict())


class Module:
    def __init__(self, parameters=(), buffers=(), modules=(), **more):
        self._backend = THNNFunctionBackend()
        self._parameters = collections.OrderedDict(parameters)
        self._buffers = collections.OrderedDict(buffers)
        self._modules = collections.OrderedDict(modules)
        self._forward_hooks, self.training = collections.OrderedDict(), True
        self.__dict__.update(more)


class Conv2d(Module):
    pass


class BatchNorm2d(Module):
    pass


class Sequential(Module):
    pass


class ResNetFc(Module):
    pass


class THNNFunctionBackend:
    def __reduce__(self):
        return _get_thnn_function_backend, ()


def _get_thnn_function_backend():
    raise AssertionError("nothing of a file is run")


def _rebuild_tensor(*_):
    raise AssertionError("nothing of a file is run")


HOMES = {
    "torch": (FloatStorage, FloatTensor),
    "torch._utils": (_rebuild_tensor,),
    "torch.nn.parameter": (Parameter,),
    "torch.nn.backends.thnn": (_get_thnn_function_backend,),
    "torch.nn.modules.conv": (Conv2d,),
    "torch.nn.modules.batchnorm": (BatchNorm2d,),
    "torch.nn.modules.container": (Sequential,),
    "network": (ResNetFc,),
}


def install(monkeypatch):
    """Puts the stand-ins where pickle looks for PyTorch's classes."""
    for name, members in HOMES.items():
        home = types.ModuleType(name)
        for member in members:
            setattr(home, member.__name__, member)
            monkeypatch.setattr(member, "__module__", name)
        monkeypatch.setitem(sys.modules, name, home)


class _Pickler(pickle._Pickler):
    def __init__(self, file, persistent):
        super().__init__(file, protocol=2)
        self.persistent_id = persistent


def _dump(value, file):
    pickle.dump(value, file, protocol=2)


def write_rows(path, value):
    """The layout of 0.1.10 to 1.5."""
    storages, classes = {}, set()

    def persistent(value):
        if isinstance(value, type) and issubclass(value, Module) and value not in classes:
            classes.add(value)  # once with its source, and within that by its name
            return "module", value, f"{value.__name__}.py", "source"
        if isinstance(value, FloatStorage):
            storages[str(id(value))] = value
            return "storage", FloatStorage, str(id(value)), "cuda:0", value.array.size, None
        return None

    with open(path, "wb") as file:
        _dump(MAGIC, file)
        _dump(PROTOCOL, file)
        _dump({"protocol_version": PROTOCOL, "little_endian": True}, file)
        _Pickler(file, persistent).dump(value)
        _dump(sorted(storages), file)
        for key in sorted(storages):
            _write_storage(storages[key], file)


def _write_storage(storage, file):
    file.write(struct.pack("<q", storage.array.size) + storage.array.tobytes())


def write_tar(path, value, places=True):
    """The layout before 0.1.10; the first releases did not say where a storage had been."""
    tensors, storages = {}, {}

    def persistent(value):
        if isinstance(value, FloatTensor):
            tensors[id(value)] = value
            return str(id(value))
        return None

    parts = {name: io.BytesIO() for name in ("sys_info", "pickle", "tensors", "storages")}
    _dump({"protocol_version": 1000, "little_endian": True}, parts["sys_info"])
    _Pickler(parts["pickle"], persistent).dump(value)
    _dump(len(tensors), parts["tensors"])
    for key, tensor in tensors.items():
        storage, offset, size, stride = tensor.parts()
        storages[id(storage)] = storage
        _dump((key, id(storage), FloatTensor), parts["tensors"])
        numbers = (len(size), *size, *stride, offset)
        parts["tensors"].write(struct.pack(f"<{len(numbers)}q", *numbers))
    _dump(len(storages), parts["storages"])
    for key, storage in storages.items():
        entry = (key, "cpu", FloatStorage) if places else (key, FloatStorage)
        _dump(entry, parts["storages"])
        _write_storage(storage, parts["storages"])
    if places:
        _dump([], parts["storages"])
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as archive:
        for name, content in parts.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content.getvalue()), 1480000000.5
            archive.addfile(member, io.BytesIO(content.getvalue()))


def write_published(path, arrays):
    """Writes `{name: array}` as PyTorch did when torchvision's weights were published; its path."""
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        write_rows(path, {name: RebuiltTensor(array) for name, array in arrays.items()})
    return path
