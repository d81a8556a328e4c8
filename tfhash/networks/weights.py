"""Reads the weight files of the originals as `{name: array}`, and writes .npy files."""

import os
import pickle

import numpy as np
import tensorflow as tf

from tfhash import files, unpickle

NPY_LEAVES = {"weights": "kernel", "biases": "bias"}  # of a layer stored as a dictionary


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

    Reads TF1 checkpoints and .npy files of a pickled dictionary.
    """
    if os.fspath(path).endswith(".npy") and os.path.isfile(path):
        return {name: array.shape for name, array in read_npy(path).items()}
    prefix = checkpoint_prefix(path)
    return None if prefix is None else checkpoint_shapes(prefix)


def read_npy(path):
    """The arrays of an .npy file of a pickled dictionary: `{"conv1/kernel": array, ...}`.

    The dictionary is {"conv1": [kernel, bias], ...} or {"conv1": {"weights": kernel, "biases":
    bias}, ...}, its keys text or bytes, of Python 2 or 3; an array without a layer, as "C" of
    the quantizers, keeps its name.

    Raises:
        ValueError: no such file, another layout, or a pickle that could run code.
    Original: thulab/DeepHash, architecture/__init__.py, and the `save_model` of its models.
    """
    try:
        with open(path, "rb") as file:
            version = np.lib.format.read_magic(file)
            reader = "read_array_header_1_0" if version[0] == 1 else "read_array_header_2_0"
            shape, _, dtype = getattr(np.lib.format, reader)(file)
            start = file.tell()
    except (OSError, ValueError) as error:
        raise ValueError(f"Expected an .npy file at `{path}`: {error}") from error
    if dtype.kind != "O" or shape != ():
        raise ValueError(f"`{path}`: expected one dictionary. Received: {dtype} {list(shape)}.")
    stored = unpickle.load_pickle(path, start)
    stored = stored.item() if isinstance(stored, np.ndarray) and stored.shape == () else stored
    if not isinstance(stored, dict):
        raise ValueError(f"`{path}`: expected a dictionary. Received: {type(stored).__name__}.")
    arrays = {}
    for key, value in stored.items():
        arrays |= _npy_entry(path, key.decode() if isinstance(key, bytes) else str(key), value)
    return arrays


def _npy_entry(path, name, value):
    """`{variable: array}` of one entry of the dictionary in an .npy file."""
    if isinstance(value, dict):
        keys = {(key.decode() if isinstance(key, bytes) else key): key for key in value}
        parts = {f"{name}/{NPY_LEAVES.get(text, text)}": value[key] for text, key in keys.items()}
    elif isinstance(value, (list, tuple)) and len(value) == 2:
        parts = {f"{name}/kernel": value[0], f"{name}/bias": value[1]}
    else:
        parts = {name: value}
    for part, array in parts.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
            raise ValueError(
                f"`{path}`: expected [weights, biases] or an array of floats in {name!r}. Received "
                f"{type(array).__name__} {getattr(array, 'dtype', '')} as {part!r}."
            )
    return {part: array.view(np.ndarray) for part, array in parts.items()}


def write_npy(path, arrays):
    """Writes `{"conv1/kernel": array, ...}` as the dictionary that `read_npy` reads.

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
