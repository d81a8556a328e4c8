"""Which items of a database are relevant to a query: those that share a label with it."""

import math

import numpy as np

from tfhash import matlab, numpy_files

CHECKED = 2**24  # values checked at a time
MOST_PAIRS = 10**9  # of a sparse matrix, which takes a byte each when it is made dense
CACHED = 2**26  # bytes of relevant positions that are kept for queries of the same labels


class Relevance:
    """Relevance of database items to queries, from labels or from a given matrix.

    Labels are packed, eight classes to a byte, so that a pair costs one AND. Nothing that comes
    in is written to.

    Args:
        query_labels: `[q, classes]` 0/1; or, without `labels`, the `[q, n]` 0/1 matrix itself.
        labels: `[n, classes]` 0/1 of the database, or None.
    Raises:
        ValueError: another shape, or values other than 0 and 1.
    """

    def __init__(self, query_labels, labels=None):
        query_labels = _zeros_and_ones(query_labels, "query_labels")
        self._matrix = query_labels if labels is None else None
        self.queries, self.items = query_labels.shape
        if labels is not None:
            labels = _zeros_and_ones(labels, "labels")
            if labels.shape[1] != self.items:
                raise ValueError(
                    "Expected `query_labels` and `labels` of as many classes. "
                    f"Received: {self.items} and {labels.shape[1]}."
                )
            self.items = len(labels)
            self._query_labels, self._labels = _packed(query_labels), labels
        self._cache, self._cached = {}, 0
        self._whole = None

    def group(self, query):
        """A key that queries share if the same items are relevant to them."""
        return query if self._matrix is not None else self._query_labels[query].tobytes()

    def part(self, items):
        """`row(query)`, which returns `[len(items)]` bool, for a slice of the database."""
        if self._matrix is not None:
            return lambda query: self._matrix[query, items] != 0
        packed = _packed(self._labels[items])

        def row(query):
            words = self._query_labels[query]
            shared = packed[:, 0] & words[0] != 0
            for column in range(1, len(words)):
                shared |= packed[:, column] & words[column] != 0
            return shared

        return row

    def row(self, query):
        """`[n]` bool: which items are relevant."""
        if self._whole is None:
            self._whole = self.part(slice(None))
        return self._whole(query)

    def positions(self, query):
        """The positions of the relevant items, ascending; kept for queries of the same labels."""
        key = self.group(query)
        found = self._cache.get(key)
        if found is None:
            found = np.flatnonzero(self.row(query))
            if self._cached + found.nbytes > CACHED:
                self._cache, self._cached = {}, 0
            self._cache[key] = found
            self._cached += found.nbytes
        return found

    def totals(self):
        """`[q]`: the number of items that are relevant to each query."""
        return np.array([len(self.positions(query)) for query in range(self.queries)], np.int64)


def read_matrix(path):
    """A `[q, n]` 0/1 matrix of which items are relevant to which queries, from a file.

    Args:
        path: an .npy file, or a MATLAB 5 file with one matrix, sparse or not, as the original
            GPQ's cifar10_Similarity.mat.
    Returns:
        uint8.
    Raises:
        ValueError: the file is missing, no such file, too large, or holds something else.
    """
    if str(path).endswith(".npy"):
        return _zeros_and_ones(numpy_files.read(path), str(path)).astype(np.uint8, copy=False)
    stored = list(matlab.load(path).values())
    if len(stored) != 1:
        raise ValueError(f"Expected one matrix in `{path}`. It holds {len(stored)} arrays.")
    dense = _dense(stored[0], path) if hasattr(stored[0], "toarray") else stored[0]
    return _zeros_and_ones(dense, str(path)).astype(np.uint8, copy=False)


def _dense(matrix, path):
    """A sparse matrix of `path` as an array, once its indices have been checked."""
    if math.prod(matrix.shape) > MOST_PAIRS:
        raise ValueError(
            f"Expected a sparse matrix of up to {MOST_PAIRS} pairs in `{path}`. Received: "
            f"{list(matrix.shape)}. Give fewer queries, or the matrix as an .npy file of uint8."
        )
    try:
        matrix.check_format(full_check=True)  # SciPy writes to where the indices say
        matrix.sum_duplicates()
    except (TypeError, ValueError) as error:
        raise ValueError(f"`{path}`: the sparse matrix is damaged: {error}.") from error
    _zeros_and_ones(matrix.data[:, None], str(path), rows=0)
    return matrix.astype(np.uint8).toarray()


def _zeros_and_ones(values, name, rows=1):
    """`values`, an array of two dimensions, of `rows` or more; ValueError where it is none."""
    values = np.asarray(values)
    if values.ndim != 2 or len(values) < rows or values.dtype.kind not in "biuf":
        raise ValueError(
            f"Expected `{name}` of two dimensions, of numbers, with a row or more. "
            f"Received: {values.dtype} {list(values.shape)}."
        )
    step = max(1, CHECKED // max(1, values.shape[1]))
    for first in range(0, len(values), step):  # piecewise: no copy of a whole database
        part = values[first : first + step]
        if values.dtype != bool and not ((part == 0) | (part == 1)).all():
            raise ValueError(
                f"Expected `{name}` of zeros and ones. Received values from {part.min()} to "
                f"{part.max()}. Make one-hot labels of class numbers."
            )
    return values


def _packed(labels):
    """`[n, classes]` 0/1 -> `[n, words]` unsigned, of the narrowest word that holds all classes."""
    packed = np.packbits(np.asarray(labels) != 0, axis=1)
    size = next((size for size in (1, 2, 4) if packed.shape[1] <= size), 8)
    width = max(1, -(-packed.shape[1] // size)) * size
    whole = np.zeros((len(packed), width), np.uint8)
    whole[:, : packed.shape[1]] = packed
    return whole.view(f"u{size}")
