"""Pools of images, in memory or in files; the parts of a dataset share one."""

import dataclasses
import os
import threading
import typing

import numpy as np

from tfhash.data import decoding


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


class _Pool:
    """What pools share: images are resized to `size` by `resize` when they are read."""

    noun = "images"
    shown = True  # whether an item is a picture
    distinct = True  # whether no two positions are of one image
    prepared_shape = (None, None, 3)  # whatever crop a preparation takes

    def describe(self):
        """What one is, for people."""
        return "{}x{} pixels".format(*self.size)

    @property
    def shape(self):
        """(height, width, 3)."""
        return (*self.size, 3)

    def read(self, indices):
        """The images at `indices`, `[b, height, width, 3]` of `dtype`, RGB in 0..255.

        Raises:
            ValueError: a file is missing or not a complete image; names it.
        """
        images = np.empty((len(indices), *self.shape), self.dtype)
        for row, index in enumerate(indices):
            images[row] = self.image(index)
        return images

    def image(self, index):
        """The image at `index` as this pool gives it, `[height, width, 3]`."""
        return np.asarray(self.resize(self.original(index), self.size), self.dtype)

    def resized(self, size, how=resize, dtype=np.uint8):
        """This pool with its images at another size.

        Args:
            size: (height, width) in pixels.
            how: `(image [h, w, 3] uint8, size)` -> `[height, width, 3]` of `dtype`.
            dtype: uint8 or float32.
        """
        return dataclasses.replace(self, size=tuple(size), resize=how, dtype=dtype)


@dataclasses.dataclass(frozen=True, eq=False)
class ArrayImages(_Pool):
    """A pool of images in memory.

    Attributes:
        pixels: `[n, h, w, 3]` uint8 RGB.
        size: (height, width) in pixels that each is resized to; None for its own.
        resize, dtype: as in `resized`.
    """

    pixels: np.ndarray
    size: tuple | None = None
    resize: typing.Callable = resize
    dtype: type = np.uint8

    def __post_init__(self):
        shape, kind = np.shape(self.pixels), getattr(self.pixels, "dtype", None)
        if len(shape) != 4 or shape[-1] != 3 or kind != np.uint8:
            raise ValueError(
                "Expected `pixels` to be uint8 [n, height, width, 3]. "
                f"Received: {kind} {list(shape)}."
            )
        if self.size is None:
            object.__setattr__(self, "size", shape[1:3])

    def __len__(self):
        return len(self.pixels)

    def original(self, index):
        """An image as it is stored, `[h, w, 3]` uint8 RGB."""
        return self.pixels[index]

    def read(self, indices):
        """The images at `indices`, `[b, height, width, 3]` of `dtype`, RGB in 0..255."""
        if self.size == self.pixels.shape[1:3] and self.dtype == np.uint8:
            return self.pixels[indices]
        return super().read(indices)

    def name(self, index):
        """What to call an image: its position in the pool."""
        return f"#{index}"

    def keys(self, indices):
        """What tells images apart from those of any pool."""
        return [(id(self.pixels), index) for index in np.asarray(indices).tolist()]


@dataclasses.dataclass(frozen=True, eq=False)
class FileImages(_Pool):
    """A pool of image files, decoded when they are read.

    Attributes:
        paths: the files.
        size: (height, width) in pixels that each is resized to.
        resize, dtype: as in `resized`.
        memory: bytes in which images are kept once they are read, the first that come.
        upright: whether images are turned as their EXIF says, or taken as they are stored.
    """

    paths: tuple
    size: tuple
    distinct = False  # two paths may lead to one file
    resize: typing.Callable = resize
    dtype: type = np.uint8
    memory: int = 0
    upright: bool = True
    _kept: dict = dataclasses.field(default_factory=dict, init=False, repr=False)
    _lock: threading.Lock = dataclasses.field(
        default_factory=threading.Lock, init=False, repr=False
    )

    def __len__(self):
        return len(self.paths)

    def image(self, index):
        """The image at `index` as this pool gives it, `[height, width, 3]`."""
        if index not in self._kept:
            image = super().image(index)
            with self._lock:
                if not self._has_room():
                    return image
                self._kept[index] = image
        return self._kept[index]

    def _has_room(self):
        """Whether `memory` holds one more image."""
        nbytes = np.prod(self.shape) * np.dtype(self.dtype).itemsize
        return (len(self._kept) + 1) * nbytes <= self.memory

    def original(self, index):
        """The image in its file, `[h, w, 3]` uint8 RGB."""
        return decoding.decode(self.paths[index], upright=self.upright)

    def unreadable(self, indices):
        """Those paths at `indices` whose files can't be decoded.

        Images that there is memory for are kept, so that they are not decoded a second time.
        """
        bad = []
        for index in indices:
            try:
                if self._has_room():
                    self.image(index)
                else:
                    decoding.check(self.paths[index])
            except ValueError:
                bad.append(self.paths[index])
        return bad

    def name(self, index):
        """What to call an image: its path."""
        return self.paths[index]

    def keys(self, indices):
        """What tells images apart from those of any pool."""
        return [os.path.abspath(self.paths[index]) for index in indices]


@dataclasses.dataclass(frozen=True, eq=False)
class ForgivingImages(FileImages):
    """A pool of image files that gives black images for those that can't be read.

    Attributes:
        unread: the positions of those that were tried.
    """

    unread: set = dataclasses.field(default_factory=set)

    def image(self, index):
        """The image at `index` as this pool gives it, `[height, width, 3]`."""
        try:
            return super().image(index)
        except ValueError:
            self.unread.add(int(index))
            return np.zeros(self.shape, self.dtype)
