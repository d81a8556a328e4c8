"""Reads MATLAB 5 files of weights as `{name: array}`."""

import os

import numpy as np


def read(path):
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
