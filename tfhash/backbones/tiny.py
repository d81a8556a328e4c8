"""A network of two small convolutions: trains in seconds, for tests and first tries."""

from tfhash.backbones.base import Backbone
from tfhash.backbones.layers import batch_norm
from tfhash.lazy import keras

NAMES = ("tiny",)


def backbone(name):
    """The `Backbone`, for images of any size."""
    return Backbone(name=name, features=features)


def features(images, *, dtype="float32", dropout=None):
    """`[batch, height, width, 3]` -> `[batch, 32]`; it has no dropout."""
    x = images
    for block, channels in enumerate((16, 32)):
        x = keras.layers.Conv2D(
            channels, 3, strides=2, padding="same", dtype=dtype, name=f"conv{block}"
        )(x)
        x = batch_norm.ZeroDebiasedBatchNormalization(dtype=dtype, name=f"norm{block}")(x)
        x = keras.layers.ReLU(dtype=dtype, name=f"relu{block}")(x)
    return keras.layers.GlobalAveragePooling2D(dtype=dtype, name="pooled")(x)
