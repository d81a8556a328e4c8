"""Ranking of a database for queries, block by block, in an order that is the same everywhere.

Nothing of size queries x database is held whole. `codes` is of any kind of base.Codes; an item is
relevant to a query if they share a label.
"""

import concurrent.futures
import os
import threading

import numpy as np

from tfhash.retrieval import base, hamming, order
from tfhash.retrieval.relevance import Relevance

MAX_MEMORY = 2**30  # bytes for the blocks of all threads together
BYTES_PER_ITEM = 40  # of a thread's buffers, beside 8 for each query of a block
LONGEST_BLOCK = 32  # queries; more gain nothing
SHORT = 2**18  # items that a thread ranks by Hamming distance before another has started
TIES = ("stable", "best", "worst")


def relevant_ranks(
    codes, queries, query_labels, labels=None, *, top=None, ties="stable", max_memory=MAX_MEMORY
):
    """Yields lists, an array for each query: the ranks of its relevant items, ascending from 0.

    Args:
        codes: of the database.
        queries: what the codes' `distances` takes, one or more.
        query_labels: `[q, classes]` 0/1; or, without `labels`, a `[q, n]` 0/1 matrix of which
            items are relevant.
        labels: `[n, classes]` 0/1 of the database.
        top: items that are ranked; None for all. More than there are is cut.
        ties: "stable" leaves items of equal distance in database order; "best" and "worst" put
            the relevant ones first or last.
        max_memory: bytes that the blocks may take.
    Raises:
        ValueError: no queries, an unknown policy, or lengths that differ.
    """
    relevance = _relevance(codes, queries, query_labels, labels)
    top = clipped(top, codes)
    if ties not in TIES:
        raise ValueError(
            f"Expected `ties` to be one of {TIES}. Received: {ties!r}. For the expectation over "
            "all orders, give the counts of `tie_counts` to a metric."
        )
    if ties == "stable" and codes.hamming:
        blocks = _radius_ranks(codes, queries, relevance, max_memory)
        return ([row[: row.searchsorted(top)] for row in ranks] for ranks, _ in blocks)

    def rank(sorter, query, distances):
        return sorter.ranks(sorter.keys(distances, relevance.row(query), top))

    return _rows(rank, codes, queries, ties, max_memory)


def radius_ranks(
    codes, queries, query_labels, labels=None, *, ties="stable", max_memory=MAX_MEMORY
):
    """Yields (ranks, within) of Hamming distances; the arguments are those of `relevant_ranks`.

    Ranks as there; within `[block, bits + 1]`: items within each Hamming radius.
    """
    given = (codes, queries, query_labels, labels)
    if ties == "stable":
        yield from _radius_ranks(codes, queries, _relevance(*given), max_memory)
        return
    counts = [items for items, _ in tie_counts(*given, max_memory=max_memory)]
    within, done = np.cumsum(np.concatenate(counts), axis=1), 0
    for ranks in relevant_ranks(*given, ties=ties, max_memory=max_memory):
        yield ranks, within[done : done + len(ranks)]
        done += len(ranks)


def _radius_ranks(codes, queries, relevance, max_memory):
    query_words = codes.query_words(queries)

    def rank(ranker, block):
        rows = range(len(query_words))[block]
        ranked = (ranker.rank(query_words[row], relevance.positions(row)) for row in rows)
        ranks, within = zip(*ranked)
        return list(ranks), np.stack(within)

    def ranker():
        return hamming.StableRanks(codes.words, codes.bits)

    most = 1 if len(codes) < SHORT else None
    return _in_blocks(rank, ranker, len(queries), len(codes), max_memory, most=most)


def tie_counts(codes, queries, query_labels, labels=None, *, max_memory=MAX_MEMORY):
    """Yields (items, relevant), each `[block, groups]`: sizes of the groups of equal distance.

    Column d is Hamming distance d where `codes.hamming`; elsewhere the distances that occur, in
    their order, filled up with empty groups. This is all that a metric needs which does not
    depend on the order inside ties, or takes its expectation.
    """
    relevance = _relevance(codes, queries, query_labels, labels)
    if codes.hamming:
        return _hamming_counts(codes, queries, relevance, max_memory)

    def count(sorter, query, distances):
        keys = sorter.keys(distances, relevance.row(query))
        ends = sorter.ends(keys)
        return ends, np.searchsorted(sorter.ranks(keys), ends)

    return (_sizes(block) for block in _rows(count, codes, queries, "stable", max_memory))


def _hamming_counts(codes, queries, relevance, max_memory):
    words = codes.query_words(queries)
    size = max(1, max_memory // (64 * (codes.bits + 1)))
    for first in range(0, len(words), size):
        yield hamming.counts(codes.words, words[first : first + size], relevance, first, codes.bits)


def _sizes(block):
    """Pairs of ends and relevant items up to there, for each query -> two padded arrays."""
    sizes = np.zeros((2, len(block), max(len(ends) for ends, _ in block)), np.int64)
    for row, pair in enumerate(block):
        for which, through in enumerate(pair):
            sizes[which, row, : len(through)] = np.diff(through, prepend=0)
    return sizes[0], sizes[1]


def ball_ranks(codes, queries, radius, query_labels, labels=None, *, max_memory=MAX_MEMORY):
    """Yields (ranks, sizes): relevant items within a Hamming radius, ranked by feature.

    Ranks: a list, for each query the ranks of its relevant items among those of the ball, nearest
    by feature first, ascending from 0. Sizes `[block]`: items of each ball.

    Args:
        codes, queries: `codes.RerankedCodes`.
        radius: of the ball, in bits.
        query_labels, labels, max_memory: as in `relevant_ranks`.
    """
    relevance = _relevance(codes, queries, query_labels, labels)

    def rank(_, block):
        ranks, sizes = [], []
        hamming_distances = codes.codes.distances(queries.codes[block])
        for row, near in zip(range(len(queries))[block], hamming_distances):
            inside = np.flatnonzero(near <= radius)
            vector = queries.features.vectors[row : row + 1]
            order_inside = np.argsort(codes.features[inside].distances(vector)[0], kind="stable")
            ranks.append(np.flatnonzero(relevance.row(row)[inside[order_inside]]))
            sizes.append(len(inside))
        return ranks, np.array(sizes)

    return _in_blocks(rank, lambda: None, len(queries), len(codes), max_memory)


def search(codes, queries, k, *, max_memory=MAX_MEMORY):
    """The nearest items: `base.Neighbours`, those of equal distance in database order.

    Args:
        codes: of the database.
        queries: what the codes' `distances` takes.
        k: items for each query. More than there are is cut.
        max_memory: bytes that the blocks may take.
    """
    k = clipped(k, codes)

    def nearest(sorter, query, distances):
        positions = sorter.index(sorter.keys(distances, top=k))
        return positions, distances[positions]

    blocks = _rows(nearest, codes, queries, "stable", max_memory)
    positions, distances = zip(*(row for block in blocks for row in block))
    return base.Neighbours(np.stack(positions), np.stack(distances))


def _relevance(codes, queries, query_labels, labels):
    relevance = Relevance(query_labels, labels)
    if len(queries) != relevance.queries or len(codes) != relevance.items:
        raise ValueError(
            "Expected as many labels as queries and codes. Received: "
            f"{len(queries)} queries, {relevance.queries} labels of them, {len(codes)} codes, "
            f"{relevance.items} labels of them."
        )
    return relevance


def clipped(top, codes):
    """`top` or, where it is None or more than the database has, the number of its items."""
    if top is None:
        return len(codes)
    if top < 1:
        raise ValueError(f"Expected one or more ranked items, or None for all. Received: {top}.")
    return min(top, len(codes))


def _rows(run, codes, queries, ties, max_memory):
    """Yields lists of `run(sorter, query, distances)`, one for each query of a block."""

    def block_of(sorter, block):
        rows = range(len(queries))[block]
        return [run(sorter, *row) for row in zip(rows, codes.distances(queries[block]))]

    return _in_blocks(
        block_of, lambda: order.Sorter(len(codes), ties), len(queries), len(codes), max_memory
    )


def _in_blocks(run, make_tool, queries, items, max_memory, *, most=None):
    """Yields `run(tool, block)` for slices of the queries, in order, some threads ahead.

    `make_tool()` is called once in each thread. `most` threads; None for one on each core.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = int(np.clip(max_memory // (2 * items * BYTES_PER_ITEM), 1, most or cores))
    size = (max_memory // threads - items * BYTES_PER_ITEM) // (16 * items)
    size = int(np.clip(size, 1, LONGEST_BLOCK))
    local = threading.local()

    def work(block):
        if not hasattr(local, "tool"):
            local.tool = make_tool()
        return run(local.tool, block)

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        waiting = []
        for first in range(0, queries, size):
            waiting.append(pool.submit(work, slice(first, first + size)))
            if len(waiting) > threads:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()
