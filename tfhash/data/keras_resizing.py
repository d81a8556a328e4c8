"""Resizing as Keras' layer does it, which KerasHub's image converters use."""

import functools
import itertools

import numpy as np

from tfhash.lazy import keras, tf

FILTERS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")
FITS = ("stretch", "crop", "pad")  # what becomes of an image of another aspect
ANTIALIAS = "antialias"


def name_of(interpolation, fit, antialias):
    """The name of a way to resize, such as keras_bilinear_crop.

    Args:
        interpolation: one of `FILTERS`.
        fit: one of `FITS`.
        antialias: whether an image that shrinks is filtered first.
    """
    return "_".join(["keras", interpolation, fit, *([ANTIALIAS] if antialias else [])])


NAMES = tuple(itertools.starmap(name_of, itertools.product(FILTERS, FITS, (False, True))))


def resize(image, size, name):
    """An `[h, w, 3]` uint8 image at `size` = (height, width), by a name of `NAMES`."""
    if image.shape[:2] == tuple(size):
        return image
    with tf.device("CPU"):
        # Keras rounds what it makes of bytes, but can't pad bytes.
        resized = _layer(tuple(size), name)(image.astype(np.float32))
    return np.clip(np.round(resized), 0, 255).astype(np.uint8)


@functools.lru_cache(maxsize=8)
def _layer(size, name):
    _, interpolation, fit, *rest = name.split("_")
    return keras.layers.Resizing(
        *size,
        interpolation=interpolation,
        crop_to_aspect_ratio=fit == "crop",
        pad_to_aspect_ratio=fit == "pad",
        antialias=rest == [ANTIALIAS],
    )
