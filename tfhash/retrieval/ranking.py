"""Ranking of a database for queries, block by block, in an order that is the same everywhere.

Items of equal distance stay in database order. Nothing of size queries x database is held whole.
"""

import concurrent.futures
import os

import numpy as np

MAX_MEMORY = 2**30  # bytes for the blocks of all threads together
BYTES_PER_ITEM = 24  # of a query's row: distances, keys, relevance
LONGEST_BLOCK = 32  # queries; more gain nothing


def ranked_relevance(codes, queries, query_labels, labels, *, max_memory=MAX_MEMORY):
    """Yields `[block, n]` bool: which items, in the order of their distance, are relevant.

    An item is relevant to a query if they share a label.

    Args:
        codes: of the database; has `distances(queries)`.
        queries: `[q, dim]` float outputs, q >= 1.
        query_labels: `[q, classes]` 0/1.
        labels: `[n, classes]` 0/1 of the database.
        max_memory: bytes that the blocks may take.
    Raises:
        ValueError: no queries, or lengths that differ.
    """
    if len(queries) != len(query_labels) or len(codes) != len(labels) or not len(queries):
        raise ValueError(
            "Expected one or more queries and as many labels as queries and codes. Received: "
            f"{len(queries)} queries, {len(query_labels)} labels of them, {len(codes)} codes, "
            f"{len(labels)} labels of them."
        )
    of_database = np.ascontiguousarray(labels.T, np.float32)

    def rank(block):
        shared = np.asarray(query_labels[block], np.float32) @ of_database
        keys = _keys(codes.distances(queries[block]), shared > 0)
        keys.sort(axis=1)
        return (keys & np.uint64(1)).astype(bool)

    yield from _in_blocks(rank, len(queries), len(codes), max_memory)


def search(codes, queries, k, *, max_memory=MAX_MEMORY):
    """The nearest items: index `[q, k]` int64 and distances `[q, k]` float32, nearest first.

    Args:
        codes: of the database; has `distances(queries)`.
        queries: `[q, dim]` float outputs.
        k: items for each query; at most the size of the database.
        max_memory: bytes that the blocks may take.
    """
    if not 0 < k <= len(codes):
        raise ValueError(f"Expected `k` in 1 to {len(codes)}, the database's size. Received: {k}.")

    def nearest(block):
        distances = codes.distances(queries[block])
        keys = _keys(distances, False)
        keys.partition(k - 1, axis=1)
        keys = np.sort(keys[:, :k], axis=1)
        index = ((keys & np.uint64(0xFFFFFFFF)) >> np.uint64(1)).astype(np.int64)
        return index, np.take_along_axis(distances, index, axis=1)

    parts = list(_in_blocks(nearest, len(queries), len(codes), max_memory))
    index, distances = zip(*parts)
    return np.concatenate(index), np.concatenate(distances)


def _keys(distances, relevant):
    """`[q, n]` uint64 whose order is by distance, then by position; the lowest bit is relevance.

    The bits of a float32, with all of them flipped for a negative one and the sign for another,
    are in the order of the numbers; they go above the position.
    """
    bits = (distances + np.float32(0)).view(np.uint32)  # -0.0 and 0.0 are equal
    bits = bits ^ np.where(bits >> 31, np.uint32(0xFFFFFFFF), np.uint32(0x80000000))
    keys = bits.astype(np.uint64) << np.uint64(32)
    keys |= np.arange(distances.shape[1], dtype=np.uint64) << np.uint64(1)
    keys |= np.asarray(relevant, bool)
    return keys


def _in_blocks(run, queries, items, max_memory):
    """Yields `run(block)` for slices of the queries, in order, some threads ahead."""
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    # Twice the threads: as many results wait to be taken.
    size = max_memory // max(1, 2 * threads * items * BYTES_PER_ITEM)
    size = int(np.clip(size, 1, LONGEST_BLOCK))
    blocks = [slice(first, first + size) for first in range(0, queries, size)]
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        waiting = []
        for block in blocks:
            waiting.append(pool.submit(run, block))
            if len(waiting) > threads:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()
