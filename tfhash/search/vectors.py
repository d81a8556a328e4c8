"""Searching vectors: what is searched in, and what is searched for."""

import dataclasses
import functools
import os
import zlib

import numpy as np

from tfhash import numpy_files
from tfhash.data import embedding_files, splits
from tfhash.data.vectors import Vectors

PREFIX = "embeddings:"  # before the path of a file of vectors
ENDING = ".npy"  # of a file of queries


@dataclasses.dataclass(frozen=True)
class Rows:
    """Vectors, told from what they were before by their numbers; as `sources.Files`.

    Attributes:
        root: where they are of.
        split: the `Split` that they are.
    Raises:
        ValueError: two have the same name.
    """

    root: str
    split: splits.Split
    base: str = ""
    listing: None = None
    pictures = False

    def __post_init__(self):
        if len(self._rows) < len(self.split):
            raise ValueError(
                f"Expected a different id for each vector of {self.root}. "
                f"{len(self.split) - len(self._rows)} of {len(self.split)} come again."
            )

    @functools.cached_property
    def _rows(self):
        return {self.split.name(row): row for row in range(len(self.split))}

    @functools.cached_property
    def names(self):
        """What the vectors are called: their ids, or their positions in the file."""
        return tuple(self._rows)

    def stamps(self):
        """Yields (bytes, checksum) of each vector."""
        for _, block in self.split.images.blocks(self.split.index):
            for row in block:
                yield row.nbytes, zlib.crc32(row)

    def part(self, positions, size):
        """The vectors at some positions as a `Split`."""
        return self.split.subset(np.asarray(positions))

    def vector(self, name):
        """The vector of a name, `[width]` float32; ValueError where there is none."""
        if name not in self._rows:
            raise ValueError(f"Expected a vector of {self.root}. It has no {name!r}.")
        return self.split.read(np.array([self._rows[name]]))[0]

    def name_of(self, path):
        """None: no file is one of these."""
        return None


def of_file(path):
    """The `Rows` of `embeddings:PATH`; labels are not needed.

    Raises:
        ValueError: there is no such file, or it can't be read.
    """
    path = os.path.abspath(os.path.expanduser(path.removeprefix(PREFIX)))
    table = embedding_files.read(path, labels=False)
    pool = Vectors(table.vectors, table.ids, table.source)
    return Rows(PREFIX + path, splits.unlabelled(pool))


def are_asked(words):
    """Whether the words of a query name files of vectors; ValueError where some do and some not."""
    files = [word for word in words if word.endswith(ENDING)]
    if files and len(files) < len(words):
        other = next(word for word in words if word not in files)
        raise ValueError(f"Expected all queries as {ENDING} files of vectors. Received: {other!r}.")
    return bool(files)


def queries(words):
    """The vectors in .npy files: names such as new.npy#3, and `[n, width]` float32.

    Raises:
        ValueError: a file is missing, holds no vectors, or vectors of another width.
    """
    names, found = [], []
    for word in words:
        values = numpy_files.read(os.path.expanduser(word))
        values = values[None] if values.ndim == 1 else values
        pool = Vectors(values, source=word)
        names += [f"{word}{pool.name(row)}" for row in range(len(pool))]
        found.append(pool.read(np.arange(len(pool))))
    widths = {block.shape[1] for block in found}
    if len(widths) > 1:
        raise ValueError(f"Expected queries of one width. Received: {sorted(widths)}.")
    return names, np.concatenate(found)


def of_bytes(content, width):
    """The vector `[width]` float32 in the bytes of an .npy file.

    Raises:
        ValueError: it holds something else.
    """
    try:
        values = numpy_files.of_bytes(content)
        vector = np.atleast_1d(values.squeeze())
        if vector.shape != (width,) or vector.dtype.kind != "f" or not np.isfinite(vector).all():
            raise ValueError(f"it is {values.dtype} {list(values.shape)}")
    except ValueError as error:
        raise ValueError(
            f"Expected an .npy file with one vector of {width} finite floats: {error}."
        ) from error
    return vector.astype(np.float32)
