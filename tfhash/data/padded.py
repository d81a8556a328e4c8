"""Resizing with the aspect kept and black added, as TensorFlow's resize_image_with_pad does it."""

import numpy as np


def resize(image, size):
    """An `[h, w, 3]` uint8 image at `size` = (height, width), float32 in 0..255.

    Bilinear with half-pixel centres: what TensorFlow 2 does.
    """
    height, width = (np.float32(side) for side in image.shape[:2])
    ratio = max(height / np.float32(size[0]), width / np.float32(size[1]))
    return _padded(image, size, _geometry(height, width, ratio, size), centred=True)


def legacy_resize(image, size):
    """An `[h, w, 3]` uint8 image at `size` = (height, width), float32 in 0..255.

    Bilinear without half-pixel centres, in the geometry of `legacy_geometry`: to the last bit
    what TensorFlow 1.15 does.
    """
    return _padded(image, size, legacy_geometry(*image.shape[:2], size), centred=False)


def legacy_geometry(height, width, size):
    """(top, left, height, width) of the resized image within `size` in TensorFlow 1.15.

    It multiplies by the reciprocal of the target, so that a side of 32, 64, 224 or 256 becomes
    226 of 227 pixels.
    """
    ratio = max(height * (1 / size[0]), width * (1 / size[1]))
    return _geometry(height, width, ratio, size)


def _geometry(height, width, ratio, size):
    inner = (height / ratio, width / ratio)
    places = (max(0, int((most - side) // 2)) for most, side in zip(size, inner))
    return (*places, *(int(side) for side in inner))


def _padded(image, size, place, *, centred):
    top, left, height, width = place
    if image.shape[:2] == (height, width) == tuple(size):
        return image.astype(np.float32)
    result = np.zeros((*size, 3), np.float32)
    rows = _steps(image.shape[0], height, centred)
    columns = _steps(image.shape[1], width, centred)
    wide = _between(image.astype(np.float32), *columns, axis=1)
    result[top : top + height, left : left + width] = _between(wide, *rows, axis=0)
    return result


def _steps(source, target, centred):
    """For each of the `target` pixels: the two of `source` around it, and the second's share."""
    scale = np.float32(source) / np.float32(target)
    places = np.arange(target, dtype=np.float32)
    if centred:
        places = np.maximum((places + np.float32(0.5)) * scale - np.float32(0.5), 0)
    else:
        places = places * scale
    lower = np.minimum(places.astype(np.int64), source - 1)
    return lower, np.minimum(lower + 1, source - 1), places - lower.astype(np.float32)


def _between(image, lower, upper, share, *, axis):
    first = image.take(lower, axis=axis)
    share = share.reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
    return first + (image.take(upper, axis=axis) - first) * share
