"""Search of codes through FAISS, which finds the nearest items much faster than a full ranking.

The index is made of the codes and the codebooks as they are; nothing is trained again. It orders
items of equal distance as it likes, where ranking.search keeps the order of the database.
"""

import os

import numpy as np

from tfhash import files, sandbox
from tfhash.retrieval import base

MEMORY, JUSTIFIED = 512 * sandbox.MIB, 4  # bytes that reading may take, and for each of the file


class Index:
    """The FAISS index of some codes, and the names of their items.

    >>> from tfhash.retrieval import codes, index
    >>> animals = codes.BinaryCodes.from_bits([[0, 0, 0, 0], [0, 0, 0, 1], [0, 1, 1, 1]])
    >>> searched = index.Index(animals, names=["cat.jpg", "tiger.jpg", "whale.jpg"])
    >>> nearest = searched.search(codes.BinaryCodes.from_bits([[0, 1, 1, 0]]), k=2)
    >>> nearest.distances.tolist()
    [[1, 2]]
    >>> searched.names_of(nearest.positions).tolist()
    [['whale.jpg', 'cat.jpg']]

    Args:
        codes: of a kind that has an index; `codes.has_index` says so.
        names: a name for each item, such as the path of its image; None for no names.
        approximate: makes an index of `BinaryCodes` that looks only into hash buckets near the
            query's, for databases of many millions; it finds most of the nearest items, not all.
        index: a FAISS index of these codes that is there already; None makes one.
    Raises:
        ValueError: codes that have no index, or another number of codes than of names or of
            items in `index`.
    """

    def __init__(self, codes, *, names=None, approximate=False, index=None):
        if names is not None and len(names) != len(codes):
            raise ValueError(
                f"Expected a name for each of the {len(codes)} items. Received: {len(names)} names."
            )
        self.codes = codes
        self.names = None if names is None else np.fromiter(names, object, len(names))
        self.index = codes.build_faiss(approximate) if index is None else index
        if self.index.ntotal != len(codes):
            raise ValueError(f"The index holds {self.index.ntotal} items, the codes {len(codes)}.")

    def search(self, queries, k):
        """The nearest items: `base.Neighbours`, with the distances of the engine.

        Args:
            queries: what `codes.distances` takes.
            k: items for each query, at most as many as there are. An approximate index may find
                fewer, and fills up with -1.
        """
        k = min(k, len(self.codes))
        if k < 1:
            raise ValueError(f"Expected `k` >= 1. Received: {k}.")
        values, positions = self.index.search(self.codes.faiss_queries(queries), k)
        return base.Neighbours(positions, self.codes.from_faiss(values))

    def names_of(self, positions):
        """The names of the items at positions of any shape, None at -1: an object array of it."""
        if self.names is None:
            raise ValueError("The index has no names. Give `names` to `Index` or `Index.load`.")
        positions = np.asarray(positions)
        return np.where(positions < 0, None, self.names[positions])

    def save(self, path):
        """Writes the index, without the names, in FAISS' own format, completely or not at all."""
        faiss = base.import_faiss()
        write = faiss.write_index_binary if self.codes.faiss_binary else faiss.write_index
        with files.whole(path) as partial:
            write(self.index, str(partial))

    @classmethod
    def load(cls, path, codes, *, names=None):
        """Reads what `save` wrote of these codes.

        FAISS may end the process on a damaged file, so it is tried in one of its own first.

        Raises:
            ValueError: it is damaged, or of other codes; names the file.
        """
        faiss = base.import_faiss()
        files.opened(path, "a FAISS index").close()
        size = os.path.getsize(path)
        attempt = _try_binary if codes.faiss_binary else _try
        memory = MEMORY + JUSTIFIED * size
        reason = sandbox.failure(attempt, path, memory=memory, size=JUSTIFIED * size)
        if reason:
            raise ValueError(
                f"`{path}` is not a complete FAISS index of {type(codes).__name__}: {reason}."
            )
        read = faiss.read_index_binary if codes.faiss_binary else faiss.read_index
        index, expected = read(str(path)), codes[:0].build_faiss()
        if (index.d, index.metric_type) != (expected.d, expected.metric_type):
            raise ValueError(
                f"`{path}` is an index of {index.d} dimensions and metric {index.metric_type}. "
                f"Expected {expected.d} and {expected.metric_type}, as the codes have."
            )
        items = _items(index)
        if items != {len(codes)}:
            raise ValueError(
                f"`{path}` is an index of {' and '.join(map(str, sorted(items)))} items. "
                f"Expected {len(codes)}, as there are codes."
            )
        return cls(codes, names=names, index=index)


def _items(index):
    """The numbers of items of an index and of those that it is made of; a damaged one has two."""
    parts = [getattr(index, name, index) for name in ("base_index", "refine_index")]
    return {part.ntotal for part in (index, *parts)}


def _try(path):
    index = base.import_faiss().read_index(path)
    index.search(np.zeros((1, index.d), np.float32), 1)


def _try_binary(path):
    index = base.import_faiss().read_index_binary(path)
    index.search(np.zeros((1, index.d // 8), np.uint8), 1)
