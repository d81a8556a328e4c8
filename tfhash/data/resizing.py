"""The ways in which an image is brought to the size that a network takes, by name."""

import functools
import typing

import numpy as np

from tfhash.data import images, keras_resizing, padded, pillow


class Resizer(typing.NamedTuple):
    """`resize(image [h, w, 3] uint8, (height, width))` -> an image of `dtype`."""

    resize: typing.Callable
    dtype: type


def bilinear(image, size):
    """An `[h, w, 3]` uint8 image at `size` = (height, width) as `cv2.resize` makes it."""
    import cv2

    if image.shape[:2] == tuple(size):
        return image
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)


RESIZERS = {
    "area": Resizer(images.resize, np.uint8),
    "bilinear": Resizer(bilinear, np.uint8),
    "pad": Resizer(padded.resize, np.float32),
    "pad_legacy": Resizer(padded.legacy_resize, np.float32),
} | {
    f"pillow_{name}": Resizer(functools.partial(pillow.resize, name=name), np.uint8)
    for name in pillow.FILTERS
}
RESIZERS |= {
    name: Resizer(functools.partial(keras_resizing.resize, name=name), np.uint8)
    for name in keras_resizing.NAMES
}


def load(name):
    """The `Resizer` of a name; ValueError for an unknown one."""
    if name not in RESIZERS:
        raise ValueError(f"Expected `resize` to be one of {sorted(RESIZERS)}. Received: {name!r}.")
    return RESIZERS[name]
