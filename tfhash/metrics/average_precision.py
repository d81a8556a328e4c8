"""Average precision of ranked lists, and its expectation over all orders of tied items."""

import numpy as np


def average_precision(ranks, *, top=None, total=None):
    """`[queries]` average precision of ranked lists.

    The sum of the precision at each relevant rank, divided by the number of relevant items.

    Args:
        ranks: for each query the ranks of its relevant items, ascending from 0.
        top: ranks that count; None for all.
        total: `[queries]`, relevant items in the database: divides by min(total, top), as
            textbooks do. None divides by those among the ranks that count, as the originals do.
    Returns:
        `[queries]` float64 in 0..1; NaN where the divisor is 0.
    Reference: youngkyunJang/GPQ, utils/RetrievalTest.py, cat_apcal (its TOP_K is `top`);
        thulab/DeepHash, evaluation/__init__.py.
    """
    ranks = [found if top is None else found[: np.searchsorted(found, top)] for found in ranks]
    sums = np.array([(np.arange(1, len(found) + 1) / (found + 1)).sum() for found in ranks])
    return _divided(sums, _divisor([len(found) for found in ranks], top, total))


def expected_average_precision(items, relevant, *, top=None, total=None):
    """`[queries]`: the mean of `average_precision` over all orders of items of equal distance.

    For a group of n items with r relevant ones after N items with R relevant ones, the sum of
    the precision at relevant ranks is, in expectation, the sum over j = 1..n of
    (r / n) (R + 1 + (j - 1) (r - 1) / (n - 1)) / (N + j).

    Args:
        items, relevant: `[queries, groups]`: items of each distance, nearest first, and how many
            of them are relevant.
        top, total: as in `average_precision`. Where `top` falls into a group, the number of
            relevant items before it is random; their hypergeometric distribution is summed over,
            and an order that leaves none counts 0.
    Returns:
        `[queries]` float64 in 0..1; NaN where no order has a relevant item.
    Reference: McSherry & Najork, ECIR 2008, for uncut groups.
    """
    items, relevant = np.asarray(items, np.int64), np.asarray(relevant, np.int64)
    before = np.cumsum(items, axis=1) - items
    hits = np.cumsum(relevant, axis=1) - relevant
    length = int(items.sum(axis=1).max(initial=0))
    top = length if top is None else min(top, length)
    taken = np.clip(top - before, 0, items)  # items of each group among the first `top`
    # A part of a group holds relevant ones at the rate of the whole, so one formula serves both.
    sums = _sums(before, hits, items, relevant, taken)
    whole = np.where(taken == items, relevant, 0).sum(axis=1)
    if total is not None:
        return _divided(sums.sum(axis=1), np.minimum(total, top))
    result = _divided(sums.sum(axis=1), whole)
    for row, group in np.argwhere((taken > 0) & (taken < items) & (relevant > 0)):
        result[row] = _cut(
            sums[row, :group].sum(),
            before[row, group],
            hits[row, group],
            items[row, group],
            relevant[row, group],
            taken[row, group],
        )
    return result


def group_sums(items, relevant):
    """`[queries, groups]`: expected sums of the precision at the relevant ranks of each group.

    Args:
        items, relevant: as in `expected_average_precision`, integers.
    """
    before = np.cumsum(items, axis=1) - items
    hits = np.cumsum(relevant, axis=1) - relevant
    return _sums(before, hits, items, relevant, items)


def _sums(before, hits, items, relevant, taken):
    """`group_sums` over the first `taken` ranks of groups after `before` items with `hits`."""
    from scipy import special

    # The sums of 1 / (N + j) and of (j - 1) / (N + j) over j = 1..taken.
    inverse = special.digamma(before + taken + 1.0) - special.digamma(before + 1.0)
    growing = taken - (before + 1) * inverse
    share = relevant / np.maximum(items, 1)
    further = np.maximum(relevant - 1, 0) / np.maximum(items - 1, 1)
    return share * ((hits + 1) * inverse + further * growing)


def _cut(sums, before, hits, items, relevant, taken):
    """Expected average precision where only `taken` of the last group's items count."""
    from scipy import stats

    found = np.arange(max(0, taken - (items - relevant)), min(relevant, taken) + 1)
    chance = stats.hypergeom.pmf(found, items, relevant, taken)
    group = _sums(before, hits, taken, found, taken)
    return chance @ np.nan_to_num(_divided(sums + group, hits + found))


def _divisor(found, top, total):
    if total is None:
        return found
    return total if top is None else np.minimum(total, top)


def _divided(sums, divisor):
    divisor = np.asarray(divisor)
    return np.divide(sums, divisor, out=np.full(len(divisor), np.nan), where=divisor > 0)
