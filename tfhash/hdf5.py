"""Reads HDF5 files of weights as Keras 2 lays them out, first in a process that may die of them."""

import itertools
import os

from tfhash import files, sandbox

# Bytes that reading a file may take, and how many each of its own may justify: weights hardly
# become smaller by compression.
MEMORY, JUSTIFIED = 768 * sandbox.MIB, 4
LAYERS, WEIGHTS, MODEL = "layer_names", "weight_names", "model_weights"  # names in such a file


def load(path):
    """`[(layer, weight, array), ...]` of a file of weights, names and arrays in its order.

    Nothing outside of the file is read, whatever its links and arrays say.

    Raises:
        ValueError: the file is missing, damaged, of another layout, leads elsewhere, or takes more
            memory than its size justifies; names it.
    """
    files.opened(path, "an .h5 file of weights").close()
    size = os.path.getsize(path)
    memory = max(MEMORY, JUSTIFIED * size)
    reason = sandbox.failure(_read, path, memory=memory, size=size)
    if reason:
        raise ValueError(
            f"Expected an .h5 file of weights at `{path}`, as keras.applications publishes them "
            f"and `model.save('NAME.h5')` writes them: {reason}."
        )
    return _read(path)


def _read(path):
    import h5py

    with h5py.File(path, "r", locking=False) as file:
        root = file if _names(file, LAYERS) else _inside(file, MODEL)
        return [
            (layer, name, _array(_inside(root, f"{layer}/{name}")))
            for layer in _names(root, LAYERS)
            for name in _names(_inside(root, layer), WEIGHTS)
        ]


def _names(group, key):
    """The names in an attribute, which Keras divides into key0, key1 and so on where it is long."""
    numbered = (f"{key}{number}" for number in itertools.count())
    parts = [key] if key in group.attrs else itertools.takewhile(group.attrs.__contains__, numbered)
    names = [name for part in parts for name in group.attrs[part]]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def _inside(group, path):
    """What lies at a path below a group, without following a link."""
    import h5py

    for name in filter(None, path.split("/")):
        link = group.get(name, getlink=True) if isinstance(group, h5py.Group) else None
        if link is None:
            raise ValueError(f"it has no {path!r}")
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"{path!r} is a link")
        group = group[name]
    return group


def _array(dataset):
    """The numbers of a dataset that lies in the file itself."""
    import h5py

    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "fiu":
        raise ValueError(f"{dataset.name!r} holds no numbers")
    if dataset.external or dataset.is_virtual:
        raise ValueError(f"the numbers of {dataset.name!r} lie in another file")
    return dataset[()]
