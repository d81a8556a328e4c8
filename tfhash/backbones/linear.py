"""A linear layer with batch norm, for vectors: linear, or linear:256 for another width."""

import functools

from tfhash.backbones import _dense
from tfhash.backbones.base import VectorBackbone

NAMES = ("linear",)


def backbone(name):
    """The `Backbone`; its features are as wide as the vectors, or as its name says."""
    widths = _dense.widths(name, most=1)
    return VectorBackbone(name=name, features=functools.partial(features, widths))


def features(widths, vectors, *, dtype="float32", dropout=None):
    """`[batch, width]` -> `[batch, width]`, or of `widths[0]`."""
    (width,) = widths or vectors.shape[1:]
    return _dense.layer(vectors, width, 0, dtype)
