"""Average precision of ranked lists."""

import numpy as np


def average_precision(relevant, *, total=None):
    """`[queries]` average precision of `relevant`, `[queries, R]` bool in rank order.

    The sum of the precision at each relevant rank, divided by the relevant items.

    Args:
        relevant: `[queries, R]` bool; R may be the whole database or its first ranks.
        total: `[queries]`, relevant items in the database: divides by min(total, R), as textbooks
            do. None divides by those among the first R, as the originals do.
    Returns:
        `[queries]` float64 in 0..1; a query with no relevant item gets 0.
    Reference: youngkyunJang/GPQ, utils/RetrievalTest.py, cat_apcal (its TOP_K is R).
    """
    result = np.zeros(len(relevant))
    for row, hits in enumerate(relevant):
        ranks = np.flatnonzero(hits) + 1
        divisor = len(ranks) if total is None else min(total[row], relevant.shape[1])
        if divisor:
            result[row] = (np.arange(1, len(ranks) + 1) / ranks).sum() / divisor
    return result
