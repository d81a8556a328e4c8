"""What is searched in: image files, the database of a dataset, or vectors."""

import collections
import dataclasses
import functools
import os
import re
import zlib

import numpy as np

from tfhash import files
from tfhash.data import decoding, image_files, places, splits
from tfhash.data import images as pools
from tfhash.search import vectors

DATASET = "dataset:"  # before the name of a dataset, where a path would be absolute
LABELS = re.compile(r"(\s+[-+]?\d+(\.\d*)?)+$")  # behind a path, in the lists of a dataset


@dataclasses.dataclass(frozen=True)
class Files:
    """Image files.

    Attributes:
        root: the absolute path of the folder or the list that names them.
        base: the folder at which their names begin.
        names: their paths from there on.
        listing: the `ImageFiles`, whose `lines` say what was left out; None where no one looked.
    """

    root: str
    base: str
    names: tuple = ()
    listing: image_files.ImageFiles | None = None
    pictures = True  # whether there is an image to show

    def path(self, name):
        """The path of a file."""
        return os.path.join(self.base, name)

    def stamps(self):
        """Yields (size, time of modification in ns) of each file; (-1, -1) where there is none."""
        for name in self.names:
            try:
                state = os.stat(self.path(name))
            except OSError:
                yield -1, -1
            else:
                yield state.st_size, state.st_mtime_ns

    def part(self, positions, size):
        """The files at some positions as a `Split`, at `size` = (height, width) pixels."""
        paths = tuple(self.path(self.names[position]) for position in positions)
        return splits.unlabelled(pools.ForgivingImages(paths, size))

    def image(self, name, *, upright=True):
        """An image, `[height, width, 3]` uint8; ValueError where it is none.

        Args:
            name: of the image.
            upright: turned as its EXIF says; False for the pixels as they are stored.
        """
        return decoding.decode(self.path(name), upright=upright)

    def name_of(self, path):
        """The name that an image at `path` has, if it is one of these."""
        return _name(os.path.abspath(path), self.base)


@dataclasses.dataclass(frozen=True)
class Arrays:
    """Images in memory, told from what they were before by their pixels; as `Files`.

    Attributes:
        root: `DATASET` and the name of the dataset.
        split: the `Split` that they are.
    """

    root: str
    split: splits.Split
    base: str = ""
    listing: None = None
    pictures = True

    @functools.cached_property
    def _rows(self):
        return {self.split.name(row): row for row in range(len(self.split))}

    @functools.cached_property
    def names(self):
        """What the images are called: their positions in the dataset."""
        return tuple(self._rows)

    def stamps(self):
        """Yields (bytes, checksum) of each image."""
        for index in self.split.index:
            pixels = np.ascontiguousarray(self.split.images.original(index))
            yield pixels.nbytes, zlib.crc32(pixels)

    def part(self, positions, size):
        """The images at some positions as a `Split`, of their own size."""
        return self.split.subset(np.asarray(positions))

    def image(self, name, *, upright=True):
        """As `Files.image`; there is no EXIF to turn it by."""
        if name not in self._rows:
            raise ValueError(f"Expected an image of {self.root}. It has no {name!r}.")
        return self.split.images.original(self.split.index[self._rows[name]])

    def name_of(self, path):
        """None: no file is one of these."""
        return None


def of_database(dataset, split):
    """What the database `split` of a dataset is searched as: `Files`, `Arrays` or `Rows`."""
    root = DATASET + dataset
    if not split.images.shown:
        return vectors.Rows(root, split)
    if not isinstance(split.images, pools.FileImages):
        return Arrays(root, split)
    names = dict.fromkeys(os.path.abspath(split.name(row)) for row in range(len(split)))
    return Files(root, "", tuple(names))


def of_images(path):
    """What `--images` names: `Files` below a folder or in a list, or `Rows` of vectors.

    A line of a list is a path, absolute or from the list's folder or the current one on; labels
    behind it, as the lists of a dataset have them, are passed over.

    Args:
        path: of a folder or a list; or `embeddings:` and a path, as the dataset of that name.
    Raises:
        ValueError: there is no such folder or list, or no image in it; says what there is.
    """
    if os.fspath(path).startswith(vectors.PREFIX):
        return vectors.of_file(path)
    path = os.path.abspath(os.path.expanduser(path))
    found = _listed(path) if os.path.isfile(path) else image_files.image_files(path)
    base = os.path.dirname(path) if os.path.isfile(path) else path
    if not found.paths:
        others = "; ".join(found.lines())
        raise ValueError(
            f"Expected images in `{path}`. There is none" + (f" ({others})." if others else ".")
        )
    return Files(path, base, tuple(_name(one, base) for one in found.paths), found)


def _listed(path):
    """The `ImageFiles` of a list."""
    if _suffix(path) in decoding.suffixes():
        raise ValueError(
            f"Expected a folder of images, or a text file of paths. Received: the image `{path}`."
        )
    with files.opened(path, "a text file of paths") as file:
        lines = file.read().decode(errors="surrogateescape").splitlines()
    lines = [line.strip() for line in lines if line.strip()]
    starts = [os.path.dirname(path), os.getcwd()]
    start = places.base([LABELS.sub("", line) for line in lines], starts) or starts[0]
    paths = dict.fromkeys(_of_line(line, start) for line in lines)
    images = [one for one in paths if _suffix(one) in decoding.suffixes()]
    others = collections.Counter(_suffix(one) for one in paths)
    passed_over = {suffix: n for suffix, n in others.items() if suffix not in decoding.suffixes()}
    return image_files.ImageFiles(tuple(images), passed_over, linked=len(lines) - len(paths))


def _of_line(line, start):
    """The path in a line of a list: all of it, or what stands before labels."""
    for text in (line, LABELS.sub("", line)):
        path = os.path.normpath(os.path.join(start, text))
        if os.path.isfile(path):
            break
    return path


def _suffix(path):
    return os.path.splitext(path)[1].lower()


def _name(path, base):
    """An absolute path, from `base` on where it lies below."""
    start = os.path.join(base, "")
    return path[len(start) :] if path.startswith(start) else path
