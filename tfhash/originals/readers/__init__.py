"""Readers of the file formats that the originals use; nothing in a file is run."""

import os

from tfhash.originals.readers import npy, pth

TORCH, NPY = (".pth", ".tar"), (".npy", ".npy.zip")  # ends of the names of files


def shapes(path):
    """`{name: shape}` of a trained model's file of an original, or None if `path` is none.

    Reads TF1 checkpoints, .npy files of a pickled dictionary, and PyTorch's .pth and .tar files.
    """
    if os.fspath(path).endswith(TORCH) and os.path.isfile(path):
        return {name: array.shape for name, array in pth.read(path)[0].items()}
    if os.fspath(path).endswith(NPY) and os.path.isfile(path):
        return {name: array.shape for name, array in npy.read(path).items()}
    from tfhash.originals.readers import tf1  # imports TensorFlow, which takes seconds

    prefix = tf1.prefix_of(path)
    return None if prefix is None else tf1.shapes(prefix)
