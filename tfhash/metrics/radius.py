"""Precision, recall and average precision of the items within a Hamming radius."""

import numpy as np

from tfhash.metrics import average_precision


def of_ranks(ranks, within):
    """Precision, recall and average precision within every radius, ranked by Hamming distance.

    Args:
        ranks: for each query the ranks of its relevant items, ascending from 0.
        within: `[queries, radii]`: items within each radius.
    Returns:
        Three arrays `[queries, radii]` float64. An empty ball has precision 0, a query without a
        relevant item recall 0 (NaN in the original), a ball without one average precision 0.
    Original: thulab/DeepHash, evaluation/__init__.py, get_precision_recall_by_Hamming_Radius_All.
    """
    found = np.array([np.searchsorted(one, inside) for one, inside in zip(ranks, within)])
    sums = np.zeros(found.shape)
    for row, one in enumerate(ranks):
        through = np.append(0.0, np.cumsum(np.arange(1, len(one) + 1) / (one + 1)))
        sums[row] = through[found[row]]
    return _shares(found, within, sums)


def expected(items, relevant):
    """`of_ranks` in expectation over all orders of items of equal distance.

    Args:
        items, relevant: `[queries, radii]`: items at each distance 0, 1, ..., and how many of
            them are relevant.
    """
    sums = np.cumsum(average_precision.group_sums(items, relevant), axis=1)
    return _shares(np.cumsum(relevant, axis=1), np.cumsum(items, axis=1), sums)


def _shares(found, within, sums):
    precision = found / np.maximum(within, 1)
    recall = found / np.maximum(found[:, -1:], 1)
    return precision, recall, sums / np.maximum(found, 1)


def in_ball(ranks, sizes, totals, radius):
    """Precision, recall and average precision of one ball, ranked by anything inside of it.

    Args:
        ranks: for each query the ranks in its ball of the relevant items there.
        sizes: `[queries]`: items in each ball.
        totals: `[queries]`: relevant items in the database.
        radius: of the ball. From 10 on the original gives the precision as average precision.
    Returns:
        Three arrays `[queries]` float64. An empty ball has 0 in all; the average precision of
        another ball without a relevant item is NaN: the original leaves it out of the mean.
    Original: thulab/DeepHash, evaluation/__init__.py, get_precision_recall_by_Hamming_Radius.
    """
    sizes, found = np.asarray(sizes), np.array([len(one) for one in ranks])
    precision = found / np.maximum(sizes, 1)
    recall = found / np.maximum(totals, 1)
    precisions = average_precision.average_precision(ranks)
    if radius >= 10:
        precisions = np.where(found > 0, precision, np.nan)
    return precision, recall, np.where(sizes > 0, precisions, 0.0)
