"""Writes .mat files of networks as MatConvNet's utils/import-caffe.py does."""

import numpy as np
import scipy.io


def cell(*values):
    """A MATLAB cell array of one row."""
    made = np.empty((1, len(values)), object)
    for position, value in enumerate(values):
        made[0, position] = value
    return made


def layer(name, kernel=None, *, old=False, **more):
    """A layer with `kernel` and a bias, or one without weights, as a relu."""
    if kernel is None:
        return {"name": name, "type": "relu", **more}
    bias = np.arange(kernel.shape[-1], dtype=np.float32)[None]
    parts = {"filters": kernel, "biases": bias} if old else {"weights": cell(kernel, bias)}
    return {"name": name, "type": "conv", "pad": np.zeros((1, 4)), **parts, **more}


def write(path, *layers):
    mean = {"imageSize": np.array([[227.0, 227, 3]]), "averageImage": np.zeros((2, 2, 3))}
    meta = {"normalization": mean, "classes": {"name": cell("n01440764")}}
    scipy.io.savemat(path, {"layers": cell(*layers), "meta": meta})
    return path
