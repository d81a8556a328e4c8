"""A hash table: each item lies in k of d buckets, and a query looks only into some of them."""

import dataclasses

import numpy as np

from tfhash.retrieval import base
from tfhash.retrieval.buckets import BucketCodes


@dataclasses.dataclass(frozen=True)
class Found:
    """What a search for the nearest `count` items found.

    Attributes:
        index: `[q, count]` int64 positions in the table, the nearest first.
        touched: `[q]` int64, how many items were looked at.
    """

    index: np.ndarray
    touched: np.ndarray


class TableCodes(base.Codes):
    """Items in their buckets, with the vectors that order what a query finds.

    Args:
        words: `[n, words]` uint64, the buckets as in `BucketCodes`.
        bits: number of buckets.
        vectors: `[n, dim]` float.
    Raises:
        ValueError: lengths that differ, or vectors with NaN or infinity.
    """

    kind = "table"

    def __init__(self, words, bits, vectors):
        self.buckets = BucketCodes(words, bits)
        self.vectors = base.finite(vectors, "vectors")
        self.bits = self.buckets.bits
        if len(self.vectors) != len(self.buckets):
            raise ValueError(
                "Expected as many vectors as items in buckets. "
                f"Received: {len(self.vectors)}, {len(self.buckets)}."
            )
        self._lengths = np.einsum("ij,ij->i", self.vectors, self.vectors)
        self._lists = None

    @classmethod
    def from_values(cls, values, vectors, k):
        """Each item in the buckets of its `k` largest of `[n, d]` values."""
        buckets = BucketCodes.from_values(values, k)
        return cls(buckets.words, buckets.bits, vectors)

    def __len__(self):
        return len(self.buckets)

    def __getitem__(self, rows):
        return TableCodes(self.buckets.words[rows], self.bits, self.vectors[rows])

    @property
    def k(self):
        """Buckets of an item."""
        return int(np.bitwise_count(self.buckets.words[:1]).sum())

    def arrays(self):
        return self.buckets.arrays() | {"vectors": self.vectors}

    def collapse(self):
        return self.buckets.collapse()

    def lists(self):
        """The items of each bucket, ascending: a list of int64 arrays, made once."""
        if self._lists is None:
            item, bucket = np.nonzero(self.buckets.unpack())
            order = np.argsort(bucket, kind="stable")
            loads = np.bincount(bucket, minlength=self.bits)
            self._lists = np.split(item[order], np.cumsum(loads)[:-1])
        return self._lists

    def distances(self, queries):
        """Distances `[q, n]` float32; infinite where query and item share no bucket.

        Args:
            queries: `[q, bits + dim]` float, the values of the buckets, then the vector.
        """
        values, vectors = self._parts(queries)
        own = BucketCodes.from_values(values, max(1, self.k)).unpack()
        shared = np.zeros((len(own), len(self)), bool)
        for query, bucket in zip(*np.nonzero(own)):
            shared[query, self.lists()[bucket]] = True
        squares = self._lengths - 2 * (vectors @ self.vectors.T)
        squares += np.einsum("ij,ij->i", vectors, vectors)[:, None]
        return np.where(shared, np.sqrt(np.maximum(squares, 0)), np.float32(np.inf))

    def _parts(self, queries):
        queries = base.query_vectors(queries, self.bits + self.vectors.shape[1])
        return queries[:, : self.bits], queries[:, self.bits :]

    def search(self, values, vectors, counts, *, own=False):
        """The nearest items among those in the k buckets of each query's largest values.

        Where they are fewer than asked for, further buckets are opened in the order of the
        values, so that what is touched depends on the count. Items at one distance keep their
        order.

        Args:
            values: `[q, bits]` float, of the buckets.
            vectors: `[q, dim]` float.
            counts: numbers of items asked for.
            own: the queries are the table's items, each of which does not find itself.
        Returns:
            `{count: Found}`.
        Raises:
            ValueError: fewer items than a count, or queries that do not fit.
        Original: maestrojeong/Deep-Hash-Table-ICML18, utils/eval_op.py,
            get_srr_recall_precision_at_k_hash.
        """
        values, vectors = self._parts(np.concatenate([values, vectors], axis=1))
        self._check(len(values), counts, own)
        counts = sorted(counts)
        preferred = np.argsort(-values, axis=1, kind="stable")
        found = {
            count: Found(np.empty((len(values), count), np.int64), np.empty(len(values), np.int64))
            for count in counts
        }
        mark = np.zeros(len(self), bool)
        for query in range(len(values)):
            candidates, opened, near = None, self.k, None
            for count in counts:
                before = candidates
                candidates, opened = self._candidates(
                    preferred[query], candidates, opened, count, query if own else None, mark
                )
                if candidates is not before:
                    near = self._nearest(candidates, vectors[query], counts[-1])
                found[count].index[query] = near[:count]
                found[count].touched[query] = len(candidates)
        return found

    def _check(self, queries, counts, own):
        available = len(self) - bool(own)
        if not counts or not 1 <= min(counts) <= max(counts) <= available:
            raise ValueError(
                f"Expected `counts` from 1 to the {available} items that a query can find. "
                f"Received: {list(counts)}."
            )
        if own and queries != len(self):
            raise ValueError(
                f"Expected the table's own {len(self)} items as queries. Received: {queries}."
            )

    def _candidates(self, preferred, candidates, opened, count, query, mark):
        """Ascending items of the first `opened` buckets, of more until there are `count`."""
        lists = self.lists()
        if candidates is None:
            candidates = self._union([lists[b] for b in preferred[:opened]], query, mark)
        while len(candidates) < count:
            further = lists[preferred[opened]]
            opened += 1
            candidates = self._union([candidates, further], query, mark)
        return candidates, opened

    @staticmethod
    def _union(parts, query, mark):
        """The items of some lists but for the query; `mark` is all false before and after."""
        if len(parts) == 1:
            items = parts[0]
            return items if query is None else items[items != query]
        together = np.concatenate(parts)
        mark[together] = True
        if query is not None:
            mark[query] = False
        found = np.flatnonzero(mark)
        mark[together] = False
        return found

    def _nearest(self, items, vector, count):
        """The `count` nearest of ascending items or, of fewer, all."""
        # Without the query's own length, which changes no order. Not by BLAS, which takes three
        # times the CPU seconds to share so small a product among threads.
        products = np.einsum("ij,j->i", self.vectors.take(items, axis=0), vector)
        squares = self._lengths[items] - 2 * products
        if len(items) > 2 * count:
            bound = np.partition(squares, count - 1)[count - 1]
            kept = np.flatnonzero(squares <= bound)
            items, squares = items[kept], squares[kept]
        return items[np.argsort(squares, kind="stable")[:count]]
