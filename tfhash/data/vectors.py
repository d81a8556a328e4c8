"""Pools of vectors, in memory or in a file; the parts of a dataset share one."""

import dataclasses

import numpy as np

from tfhash import checks, numpy_files

BLOCK = 2**22  # numbers that are looked at at once
KEPT = 2**28  # bytes of a mapped file that may stay in memory
ROWS = 512  # of a larger one that are read before it is forgotten: each brings 2**18 bytes along


@dataclasses.dataclass(frozen=True, eq=False)
class Vectors:
    """A pool of vectors.

    Attributes:
        values: `[n, width]` of float16, float32 or float64; maybe of `numpy_files.mapped`.
        names: what to call each, `[n]`; None for their positions.
        source: the file they are of, for errors.
    Raises:
        ValueError: other shapes or numbers; vectors with NaN or infinity, or of zeros alone, which
            have no direction. They are looked at block by block.
    """

    values: np.ndarray
    names: np.ndarray | None = None
    source: str = "vectors"
    noun = "vectors"
    shown = False  # in pictures
    distinct = True  # no two positions are of one vector
    dtype = np.float32
    _rows: list = dataclasses.field(default_factory=lambda: [0], init=False, repr=False)

    def __post_init__(self):
        values = self.values
        known = values.dtype.kind == "f" and values.dtype.itemsize <= 8
        if values.ndim != 2 or not values.size or not known:
            raise ValueError(
                f"Expected `{self.source}` of float16, float32 or float64 [n, width], of one "
                f"vector or more. Received: {values.dtype} {list(values.shape)}."
            )
        if self.names is not None and len(self.names) != len(values):
            raise ValueError(
                f"Expected an id for each of the {len(values)} rows of `{self.source}`. "
                f"Received: {len(self.names)}."
            )
        self._check()

    def _check(self):
        bad, empty = [], []
        for first, block in self.blocks(np.arange(len(self))):
            finite = np.isfinite(block).all(axis=1)
            bad.append(first + np.flatnonzero(~finite))
            empty.append(first + np.flatnonzero(finite & ~block.any(axis=1)))
        for rows, what in ((bad, "NaN or infinity"), (empty, "nothing but zeros")):
            rows = np.concatenate(rows)
            if len(rows):
                raise ValueError(
                    f"Expected finite vectors in `{self.source}`, none of zeros. {len(rows)} of "
                    f"{len(self)} rows hold {what}, the first of them "
                    f"{checks.brief(self.name(rows[0]))}. Leave them out."
                )

    def __len__(self):
        return len(self.values)

    @property
    def size(self):
        """(width,)."""
        return self.values.shape[1:]

    @property
    def shape(self):
        """(width,)."""
        return self.size

    @property
    def prepared_shape(self):
        """The shape that a vector has whatever a preparation does."""
        return self.size

    def describe(self):
        """What one is, for people."""
        return f"vectors of {self.size[0]} numbers"

    def read(self, indices):
        """The vectors at `indices`, `[b, width]` float32."""
        vectors = np.empty((len(indices), *self.size), np.float32)
        for first in range(0, len(indices), ROWS):
            some = slice(first, first + ROWS)
            with np.errstate(over="ignore"):  # what float32 can't hold is found as infinite
                vectors[some] = self.values[indices[some]]
            self._rows[0] += len(vectors[some])
            if self._rows[0] >= ROWS and self.values.nbytes > KEPT:
                self._rows[0] = 0
                numpy_files.forget(self.values)
        return vectors

    def blocks(self, indices):
        """Yields (place in `indices`, `[some, width]` float32) of all vectors at `indices`."""
        step = max(1, BLOCK // self.size[0])
        for first in range(0, len(indices), step):
            yield first, self.read(indices[first : first + step])

    def name(self, index):
        """What to call a vector: its id, or its position in the pool."""
        return f"#{index}" if self.names is None else str(self.names[index])

    def keys(self, indices):
        """What tells vectors apart from those of any pool."""
        return [(id(self.values), index) for index in np.asarray(indices).tolist()]


def moments(pool, indices):
    """The mean `[width]` and the covariance `[width, width]` of the vectors at `indices`, float64.

    In one pass, block by block.
    """
    width = pool.size[0]
    total, squares = np.zeros(width), np.zeros((width, width))
    for _, block in pool.blocks(indices):
        total += block.sum(axis=0, dtype=np.float64)
        block = block.astype(np.float64)
        squares += block.T @ block
    mean = total / len(indices)
    return mean, squares / len(indices) - np.outer(mean, mean)
