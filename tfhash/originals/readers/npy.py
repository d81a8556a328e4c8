"""Reads and writes .npy files of a pickled dictionary of layers as `{name: array}`."""

import pickle

import numpy as np

from tfhash import archives, checks, files, numpy_files, unpickle

LEAVES = {"weights": "kernel", "biases": "bias"}  # of a layer stored as a dictionary


def read(path):
    """The arrays of an .npy file of a pickled dictionary: `{"conv1/kernel": array, ...}`.

    The dictionary is {"conv1": [kernel, bias], ...} or {"conv1": {"weights": kernel, "biases":
    bias}, ...}, its keys text or bytes, of Python 2 or 3; an array without a layer, as "C" of
    the quantizers, keeps its name. The file may be inside of a zip archive, as DeepHash publishes
    its reference_pretrain.npy.zip.

    Raises:
        ValueError: no such file, another layout, or a pickle that could run code.
    Original: thulab/DeepHash, architecture/__init__.py, and the `save_model` of its models.
    """
    with files.opened(path, "an .npy file of a dictionary", zipped=True) as file:
        stored = _object(archives.unzipped(file, path), path)
    stored = stored.item() if isinstance(stored, np.ndarray) and stored.shape == () else stored
    if not isinstance(stored, dict):
        raise ValueError(f"`{path}`: expected a dictionary. Received: {type(stored).__name__}.")
    arrays = {}
    for key, value in stored.items():
        arrays |= _entry(path, _name(key), value)
    return arrays


def _object(file, path):
    """The object of an opened .npy file."""
    try:
        shape, dtype, _ = numpy_files.header(file)
    except ValueError as error:
        raise ValueError(f"Expected an .npy file at `{path}`: {error}.") from error
    if dtype.kind != "O" or shape != ():
        raise ValueError(f"`{path}`: expected one dictionary. Received: {dtype} {list(shape)}.")
    return unpickle.load(file, path)


def _name(key):
    return key.decode(errors="replace") if isinstance(key, bytes) else str(key)


def _entry(path, name, value):
    """`{variable: array}` of one entry of the dictionary in an .npy file."""
    if isinstance(value, dict):
        leaves = {_name(key): leaf for key, leaf in value.items()}
        parts = {f"{name}/{LEAVES.get(text, text)}": leaf for text, leaf in leaves.items()}
    elif isinstance(value, (list, tuple)) and len(value) == 2:
        parts = {f"{name}/kernel": value[0], f"{name}/bias": value[1]}
    else:
        parts = {name: value}
    for part, array in parts.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
            raise ValueError(
                f"`{path}`: expected [weights, biases] or an array of floats in "
                f"{checks.brief(name)}. Received {type(array).__name__} "
                f"{getattr(array, 'dtype', '')} as {checks.brief(part)}."
            )
    return {part: array.view(np.ndarray) for part, array in parts.items()}


def write(path, arrays):
    """Writes `{"conv1/kernel": array, ...}` as the dictionary that `read` reads.

    A kernel and a bias go together as [kernel, bias], any other array by its own name. The
    programs of the originals read the file, with NumPy 1 and 2 alike.
    """
    stored = {}
    for name, array in arrays.items():
        layer, _, leaf = name.partition("/")
        if leaf in ("kernel", "bias"):
            stored[layer] = [np.asarray(arrays[f"{layer}/{part}"]) for part in ("kernel", "bias")]
        else:
            stored[name] = np.asarray(array)
    # Protocol 3 names a class by plain text without lengths. NumPy 1 knows no numpy._core.
    data = pickle.dumps(np.array(stored, dtype=object), protocol=3)
    data = data.replace(b"numpy._core.multiarray\n", b"numpy.core.multiarray\n", 1)
    with files.whole(path) as partial, open(partial, "wb") as file:
        header = {"descr": "|O", "fortran_order": False, "shape": ()}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(data)
