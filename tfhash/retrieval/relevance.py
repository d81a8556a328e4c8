"""Which items of a database are relevant to a query: those that share a label with it."""

import numpy as np

CHECKED = 65536  # rows checked at a time
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
    Raises:
        ValueError: the file is missing, no such file, or holds something else.
    """
    import scipy.io

    try:
        if str(path).endswith(".npy"):
            return _zeros_and_ones(np.load(path, allow_pickle=False), str(path))
        stored = scipy.io.loadmat(path, appendmat=False)
    except Exception as error:  # scipy raises what its parser meets
        raise ValueError(
            f"Expected an .npy or MATLAB 5 file with a matrix of zeros and ones at `{path}`. "
            f"{type(error).__name__}: {error}"
        ) from error
    found = [value for name, value in stored.items() if not name.startswith("__")]
    if len(found) != 1:
        raise ValueError(f"Expected one matrix in `{path}`. It holds {len(found)} arrays.")
    matrix = found[0].toarray() if hasattr(found[0], "toarray") else found[0]
    return _zeros_and_ones(matrix.astype(np.uint8), str(path))


def _zeros_and_ones(values, name):
    values = np.asarray(values)
    if values.ndim != 2 or not len(values):
        raise ValueError(
            f"Expected `{name}` of two dimensions, with a row or more. "
            f"Received: shape {list(values.shape)}."
        )
    for first in range(0, len(values), CHECKED):  # piecewise: no copy of a whole database
        part = values[first : first + CHECKED]
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
