"""Resizing and cropping as torchvision does it by Pillow."""

import functools
import math

import numpy as np

from tfhash.lazy import tf

FILTERS = ("nearest", "bilinear", "bicubic")
RATIOS = (3 / 4, 4 / 3)  # width by height of a random crop
ATTEMPTS = 10  # to draw a crop that lies within the image


def resizer(name):
    """`(image [h, w, 3] uint8, (height, width)) -> [height, width, 3] uint8` by a filter.

    Raises:
        ValueError: an unknown filter.
    """
    if name not in FILTERS:
        raise ValueError(f"Expected `resample` to be one of {FILTERS}. Received: {name!r}.")
    return functools.partial(resize, name=name)


def resize(image, size, name="nearest"):
    """An `[h, w, 3]` uint8 image at `size` = (height, width); the aspect may change."""
    if image.shape[:2] == tuple(size):
        return image
    return np.asarray(_image(image).resize(size[::-1], _filter(name)))


def _image(array):
    from PIL import Image

    return Image.fromarray(array)


def _filter(name):
    from PIL import Image

    return Image.Resampling[name.upper()]


def random_resized_crops(images, size, seed, *, scale=(0.08, 1.0), flip=True, legacy=False):
    """A random part of each image at `size` pixels a side, mirrored with probability 1/2.

    Inside a tf.data pipeline; runs beside other batches, since Pillow and NumPy do the work.

    Args:
        images: `[batch, height, width, 3]` uint8.
        size: pixels.
        seed: `[2]` int; determines parts and flips.
        scale: bounds of the share of the area that a part has.
        flip: whether some are mirrored.
        legacy: draws parts as torchvision 0.2 does, see `random_part`.
    Returns:
        `[batch, size, size, 3]` uint8.
    Original: torchvision's RandomResizedCrop and RandomHorizontalFlip in thuml/HashNet,
    pytorch/src/pre_process.py, image_train.
    """

    def crop(images, seed):
        rng = np.random.default_rng([int(part) & (2**64 - 1) for part in seed])
        result = np.empty((len(images), size, size, 3), np.uint8)
        for row, image in zip(result, images):
            part = random_part(*image.shape[:2], scale, rng, legacy=legacy)
            row[:] = crop_and_resize(image, part, size)
            if flip and rng.random() < 0.5:
                row[:] = row[:, ::-1]
        return result

    cropped = tf.numpy_function(crop, [images, seed], tf.uint8)
    return tf.ensure_shape(cropped, [images.shape[0], size, size, 3])


def crop_and_resize(image, part, size):
    """The part (top, left, height, width) of an image, bilinearly at `size` pixels a side."""
    top, left, height, width = part
    inside = np.ascontiguousarray(image[top : top + height, left : left + width])
    return resize(inside, (size, size), "bilinear")


def random_part(height, width, scale, rng, *, legacy=False):
    """(top, left, height, width) of a random part of an image; the centre where none fits.

    The logarithm of its aspect is uniform, and the centre is the largest with an allowed aspect.
    With `legacy`, as in torchvision 0.2, the aspect itself is uniform and then turned over with
    probability 1/2, and the centre is a square.
    Original: torchvision, transforms.RandomResizedCrop.get_params.
    """
    for _ in range(ATTEMPTS):
        area = height * width * rng.uniform(*scale)
        ratio = _legacy_ratio(rng) if legacy else math.exp(rng.uniform(*map(math.log, RATIOS)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            top = rng.integers(0, height - h + 1)
            return int(top), int(rng.integers(0, width - w + 1)), h, w
    w = min(width, height if legacy else round(height * RATIOS[1]))
    h = min(height, width if legacy else round(width / RATIOS[0]))
    return (height - h) // 2, (width - w) // 2, h, w


def _legacy_ratio(rng):
    ratio = rng.uniform(*RATIOS)
    return 1 / ratio if rng.random() < 0.5 else ratio


def ten_crops(images, size):
    """The crops of a batch that HashNet averages: five places, mirrored and not.

    Args:
        images: `[batch, side, side, channels]`, square.
        size: pixels of a crop; at most `side`.
    Returns:
        List of ten `[batch, size', size', channels]`; size' is `size`, or one pixel more for
        the centre where the original's rounding makes it so. The last is that of `centre_crop`.
    Original: thuml/HashNet, pytorch/src/pre_process.py, image_test_10crop.
    """
    first, last = slice(0, size), _last(images, size)
    places = [(first, first), (last, last), (first, last), (last, first)]
    crops = []
    for turned in (images[:, :, ::-1], images):
        crops += [turned[:, rows, columns] for rows, columns in places]
        crops.append(centre_crop(turned, size))
    return crops


def _last(images, size):
    # The original's last place is one pixel before the last, and -1 for a crop of all.
    start = max(0, images.shape[1] - size - 1)
    return slice(start, start + size)


def centre_crop(images, size):
    """The centre of `[batch, side, side, channels]` images, as Pillow rounds its edges.

    Its place is (side - size - 1) / 2, half a pixel before the centre, and each edge is rounded
    half to even: of 256 pixels, 224 are those from 16 to 239.
    Original: thuml/HashNet, pytorch/src/pre_process.py, image_test.
    """
    start = max(0.0, (images.shape[1] - size - 1) / 2)
    edges = slice(round(start), round(start + size))
    return images[:, edges, edges]
