"""Pools of images, in memory or in files; the parts of a dataset share one."""

import dataclasses
import os

import numpy as np


def resize(image, size):
    """An `[h, w, 3]` uint8 image at `size` = (height, width) pixels.

    By area averages where it shrinks in one direction or both, else bilinear.
    """
    import cv2

    height, width = size
    if image.shape[:2] == (height, width):
        return image
    shrinks = image.shape[0] > height or image.shape[1] > width
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, (width, height), interpolation=how)


@dataclasses.dataclass(frozen=True, eq=False)
class ArrayImages:
    """A pool of images in memory.

    Attributes:
        pixels: `[n, height, width, 3]` uint8 RGB.
    """

    pixels: np.ndarray

    def __post_init__(self):
        shape, kind = np.shape(self.pixels), getattr(self.pixels, "dtype", None)
        if len(shape) != 4 or shape[-1] != 3 or kind != np.uint8:
            raise ValueError(
                "Expected `pixels` to be uint8 [n, height, width, 3]. "
                f"Received: {kind} {list(shape)}."
            )

    @classmethod
    def resized(cls, pixels, image_size):
        """A pool of the images at `image_size` = (height, width); None leaves them as they are."""
        if image_size is None or pixels.shape[1:3] == tuple(image_size):
            return cls(pixels)
        return cls(np.stack([resize(image, image_size) for image in pixels]))

    @property
    def shape(self):
        """(height, width, 3)."""
        return self.pixels.shape[1:]

    def __len__(self):
        return len(self.pixels)

    def read(self, indices):
        """The images at `indices`, `[b, height, width, 3]` uint8 RGB."""
        return self.pixels[indices]

    def name(self, index):
        """What to call an image: its position in the pool."""
        return f"#{index}"

    def keys(self, indices):
        """What tells images apart from those of any pool."""
        return [(id(self), index) for index in np.asarray(indices).tolist()]


@dataclasses.dataclass(frozen=True, eq=False)
class FileImages:
    """A pool of image files, decoded and resized when they are read.

    Attributes:
        paths: the files.
        size: (height, width) in pixels that each is resized to.
    """

    paths: tuple
    size: tuple

    @property
    def shape(self):
        """(height, width, 3)."""
        return (*self.size, 3)

    def __len__(self):
        return len(self.paths)

    def read(self, indices):
        """The images at `indices`, `[b, height, width, 3]` uint8 RGB.

        Raises:
            ValueError: a file is missing or is no image; names it.
        """
        images = np.empty((len(indices), *self.shape), np.uint8)
        for row, index in enumerate(indices):
            images[row] = resize(decode(self.paths[index]), self.size)
        return images

    def name(self, index):
        """What to call an image: its path."""
        return self.paths[index]

    def keys(self, indices):
        """What tells images apart from those of any pool."""
        return [os.path.abspath(self.paths[index]) for index in indices]


def decode(path):
    """The image file at `path`, `[height, width, 3]` uint8 RGB; ValueError where it can't be."""
    import cv2

    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise ValueError(f"Expected an image at `{path}`. It can't be read: {error}.") from error
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:  # an empty file
        image = None
    if image is None:
        raise ValueError(f"Expected an image at `{path}`. Its {len(data)} bytes can't be decoded.")
    return np.ascontiguousarray(image[:, :, ::-1])
