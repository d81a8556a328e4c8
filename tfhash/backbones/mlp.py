"""Hidden layers with batch norm, for vectors: mlp, or mlp:1024x512 for two of other widths."""

import functools

from tfhash.backbones import _dense
from tfhash.backbones.base import VectorBackbone
from tfhash.lazy import keras

NAMES = ("mlp",)
WIDTHS = (512,)


def backbone(name):
    """The `Backbone`; its features are what its last hidden layer gives."""
    widths = _dense.widths(name) or WIDTHS
    return VectorBackbone(name=name, features=functools.partial(features, widths))


def features(widths, vectors, *, dtype="float32", dropout=None):
    """`[batch, width]` -> `[batch, widths[-1]]`, not negative; it has no dropout."""
    x = vectors
    for number, width in enumerate(widths):
        x = _dense.layer(x, width, number, dtype)
        x = keras.layers.ReLU(dtype=dtype, name=f"relu{number}")(x)
    return x
