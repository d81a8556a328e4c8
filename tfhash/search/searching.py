"""The search in an index: from outputs of the network to the images nearest to them."""

import collections
import logging
import threading
import time
import typing

import numpy as np

from tfhash.retrieval import base
from tfhash.retrieval import index as indexes

MANY = 10**6  # codes from which an approximate search is tried
RECALL, SAMPLE, NEAREST = 0.95, 100, 10  # aimed at, for so many items and their nearest
RERANKED = 10  # items ranked again by outputs, for each answer
KEPT = 4  # patterns whose parts of the index are kept
LOG = logging.getLogger("tfhash")


class Answer(typing.NamedTuple):
    """An image that was found: its rank from 1, number, name and distance."""

    rank: int
    number: int
    name: str
    distance: float


class Loaded(typing.NamedTuple):
    """What a `Store` holds, in memory: numbers of images, `[n]` int64, their codes, an `Index`."""

    numbers: np.ndarray
    codes: base.Codes
    index: indexes.Index


def load(store, approximate=None):
    """Reads the codes of a `Store`, and makes the index that is searched; a `Loaded`.

    Args:
        store: as above.
        approximate: True or False; None for True from `MANY` codes on, where that finds most.
    Raises:
        ValueError: the store is damaged, or has no approximate search.
    """
    numbers, codes = store.codes()
    return Loaded(numbers, codes, fitting(codes, approximate))


class Searcher:
    """An index in memory, ready to be searched.

    Args:
        store: the `Store`; its names and outputs are read when they are asked for.
        head: of the model.
        loaded: what `load` gives of it; None loads it.
        rerank: ranks the nearest again by the outputs, which must be kept.
    """

    def __init__(self, store, head, loaded=None, *, rerank=False):
        self.store, self.head, self.rerank = store, head, rerank
        self.numbers, self.codes, self.index = loaded or load(store)
        self._parts, self._lock = collections.OrderedDict(), threading.Lock()

    def __len__(self):
        return len(self.numbers)

    def fit(self):
        """Takes the index that fits so many codes from now on; searches go on meanwhile."""
        self.index = fitting(self.codes)

    def search(self, outputs, top, within=""):
        """The nearest images: a list of `Answer` for each query, the nearest first.

        Args:
            outputs: `[q, dim]` float32, of the queries.
            top: answers, at most as many as there are images.
            within: a pattern of paths, as `Store.numbers` takes it; "" for all.
        Raises:
            ValueError: no path fits the pattern.
        """
        numbers, index = self._within(within) if within else (self.numbers, self.index)
        wanted = RERANKED * top if self.rerank else top
        positions, distances = index.search(self.head.queries(outputs), wanted)
        rows = []
        for query, own, near in zip(outputs, positions, distances):
            found = own >= 0
            ranked = numbers[own[found]], near[found]
            if self.rerank:
                ranked = self._ranked_again(query[None], ranked[0])
            rows.append([one[:top] for one in ranked])
        return self._named(rows)

    def _ranked_again(self, query, numbers):
        """Numbers and distances of images by their outputs, in order."""
        if not len(numbers):
            return numbers, np.empty(0, np.float32)
        features = self.head.features(self.store.outputs(numbers))
        distances = features.distances(self.head.features(query))[0]
        order = np.argsort(distances, kind="stable")
        return numbers[order], distances[order]

    def _named(self, rows):
        """Lists of `Answer` from numbers and distances; an image that has gone is left out."""
        names = self.store.names({int(number) for numbers, _ in rows for number in numbers})
        return [
            [
                Answer(rank, int(number), names[number], distance.item())
                for rank, (number, distance) in enumerate(zip(numbers, distances), 1)
                if number in names
            ]
            for numbers, distances in rows
        ]

    def _within(self, pattern):
        """The numbers of the images whose path fits, and an index of them."""
        with self._lock:
            if pattern not in self._parts:
                own = np.flatnonzero(np.isin(self.numbers, self.store.numbers(pattern)))
                if not len(own):
                    raise ValueError(f"Expected `within` to fit some paths. None fits {pattern!r}.")
                self._parts[pattern] = self.numbers[own], indexes.Index(self.codes[own])
            while len(self._parts) > KEPT:
                self._parts.popitem(last=False)
            return self._parts[pattern]


def fitting(codes, approximate=None):
    """The `Index` to search codes by; what it finds of the nearest stands in the log.

    Args:
        codes: of a database.
        approximate: as for `load`.
    """
    exact = indexes.Index(codes)
    asked = len(codes) >= MANY and codes.has_approximate if approximate is None else approximate
    if not asked:
        return exact
    if not codes.has_approximate:
        raise ValueError(
            f"No approximate search has the distances of {type(codes).__name__}. Leave out "
            "--approximate."
        )
    made = indexes.Index(codes, approximate=True)
    queries = codes[np.sort(np.random.default_rng(0).permutation(len(codes))[:SAMPLE])]
    wanted, slow = _timed(exact, queries)
    near, fast = _timed(made, queries)
    while _recall(near, wanted) < RECALL and 4 * made.index.nprobe <= made.index.nlist:
        made.index.nprobe *= 2
        near, fast = _timed(made, queries)
    recall = _recall(near, wanted)
    LOG.info(
        "Approximate search finds %.1f %% of the nearest %d of %d images, in %.2f ms; exact "
        "search takes %.2f ms.",
        *(100 * recall, NEAREST, len(queries), fast, slow),
    )
    if approximate or recall >= RECALL:
        return made
    LOG.info("The search is exact. --approximate takes the faster one all the same.")
    return exact


def _timed(index, queries):
    """The nearest items, and milliseconds a query."""
    begun = time.perf_counter()
    nearest = index.search(queries, NEAREST)
    return nearest, 1000 * (time.perf_counter() - begun) / len(queries)


def _recall(near, wanted):
    """The share of items that are as near as those wanted, whichever of equal distance they are."""
    last = wanted.distances[:, -1:]
    margin = 1e-5 * np.maximum(1, np.abs(last))
    return float(((near.distances <= last + margin) & (near.positions >= 0)).mean())
