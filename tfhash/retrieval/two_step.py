"""Coarse to fine: items within a Hamming radius, and of these the nearest by feature."""

import numpy as np

BLOCK = 256  # queries whose features are compared at once
ROWS = 2**24  # numbers of the database's features that are copied at once


def search(codes, queries, radius, k):
    """The positions of each query's items, nearest by feature first: a list of `[up to k]` arrays.

    Items of equal distance are in database order. Nothing of size queries x database is held.

    Args:
        codes, queries: `codes.RerankedCodes` of database and queries, whose features are
            compared by their Euclidean distance.
        radius: bits; only items within it are found.
        k: items of a query, 1 or more.
    Original: shashankiyer/Learning-bit-codes-for-images, validation_function.py,
        coarse_grain_search and fine_grain_search.
    """
    if k < 1:
        raise ValueError(f"Expected `k` >= 1. Received: {k}.")
    found = [None] * len(queries)
    buffer = np.empty((max(1, ROWS // codes.features.dim), codes.features.dim), np.float32)
    for rows in _neighbourhoods(queries.codes):
        near = codes.codes.distances(queries.codes[rows]) <= radius
        # One matrix product over all that any of these queries needs: the processor does it
        # faster than one product for each query, though a part of it is not asked for.
        items = np.flatnonzero(near.any(axis=0))
        vectors = queries.features.vectors[rows]
        distances = _distances(codes.features, items, vectors, buffer)
        for row, values, inside in zip(rows, distances, near):
            inside = np.flatnonzero(inside[items])
            found[row] = items[inside[_smallest(values[inside], k)]]
    return found


def _neighbourhoods(codes):
    """Yields the positions of `BLOCK` codes near one another, until each has come once."""
    left = np.arange(len(codes))
    while len(left):
        distances = codes[left].distances(codes[left[:1]])[0]
        order = np.argsort(distances, kind="stable")
        yield left[order[:BLOCK]]
        left = np.sort(left[order[BLOCK:]])


def _distances(features, items, queries, buffer):
    """`[q, items]` float32 in the order of the Euclidean distances of each query."""
    result = np.empty((len(queries), len(items)), np.float32)
    for first in range(0, len(items), len(buffer)):
        rows = items[first : first + len(buffer)]
        part = result[:, first : first + len(buffer)]
        copied = np.take(features.vectors, rows, axis=0, out=buffer[: len(rows)], mode="clip")
        np.matmul(queries, copied.T, out=part)
        part *= -2
        part += features.norms[rows]
    return result


def _smallest(values, k):
    """Positions of the k smallest values, ascending; the first ones of a tie."""
    kept = np.arange(len(values))
    if k < len(values):
        kept = np.flatnonzero(values <= np.partition(values, k - 1)[k - 1])
    return kept[np.argsort(values[kept], kind="stable")][:k]
