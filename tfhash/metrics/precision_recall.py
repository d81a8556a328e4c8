"""Curves of ranked lists: precision and recall at N, and precision at levels of recall."""

import numpy as np

LEVELS = np.linspace(0, 1, 21)  # of recall


def hits_at(ranks, counts):
    """`[queries, counts]`: relevant items among the first N.

    Args:
        ranks: for each query the ranks of its relevant items, ascending from 0.
        counts: the Ns.
    """
    return np.array([np.searchsorted(found, counts) for found in ranks], np.float64)


def expected_hits_at(items, relevant, counts):
    """`hits_at` in expectation over all orders of items of equal distance.

    Args:
        items, relevant: `[queries, groups]`: items of each distance, nearest first, and how many
            of them are relevant.
        counts: the Ns.
    """
    # Inside a group the expectation grows evenly, so it is a polyline through the groups' ends.
    ends = np.pad(np.cumsum(items, axis=1), ((0, 0), (1, 0)))
    found = np.pad(np.cumsum(relevant, axis=1), ((0, 0), (1, 0)))
    return np.array([np.interp(counts, *row) for row in zip(ends, found)])


def at_counts(hits, counts, totals):
    """Mean precision@N and recall@N over queries, two arrays `[counts]`.

    Args:
        hits: `[queries, counts]`, of `hits_at`.
        counts: the Ns.
        totals: `[queries]`: relevant items in the database. A query without any has 0 in both.
    """
    precision = hits / np.asarray(counts)
    recall = hits / np.maximum(totals, 1)[:, None]
    return precision.mean(axis=0), recall.mean(axis=0)


def at_recall_levels(hits, counts, totals):
    """Mean interpolated precision at each of `LEVELS` of recall.

    The precision at a level is the best one at any N that reaches it, as in information
    retrieval's 11-point curve. Queries without a relevant item are left out; NaN if all are.

    Args:
        hits, counts, totals: as in `at_counts`; the last N is the whole database.
    """
    known = totals > 0
    if not known.any():
        return np.full(len(LEVELS), np.nan)
    precision = (hits / np.asarray(counts))[known]
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = hits[known] / totals[known, None]
    reached = [np.searchsorted(row, LEVELS - 1e-12) for row in recall]
    return np.mean([row[place] for row, place in zip(best, reached)], axis=0)
