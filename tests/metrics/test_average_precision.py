import itertools

import numpy as np
import pytest

from tfhash.metrics.average_precision import average_precision, expected_average_precision


def ranks_of(relevant):
    """`[queries, n]` 0/1 in rank order -> ranks of the relevant items."""
    return [np.flatnonzero(row) for row in relevant]


def permuted_mean(items, relevant, *, top=None, total=None, orders=None):
    """The mean of `average_precision` over orders inside the groups; 0 for one without a hit."""
    groups = [np.arange(n) < r for n, r in zip(items, relevant)]
    if orders is None:
        lists = itertools.product(*(set(itertools.permutations(group)) for group in groups))
        rows = [np.concatenate(one) for one in lists]
    else:
        rng = np.random.default_rng(0)
        rows = [np.concatenate([rng.permutation(g) for g in groups]) for _ in range(orders)]
    totals = None if total is None else np.full(len(rows), total)
    found = average_precision(ranks_of(rows), top=top, total=totals)
    return np.nan_to_num(found).mean()


def test_relevant_items_first_and_third_of_four():
    """Precision 1/1 and 2/3 at the relevant ranks: their mean is 5/6."""
    assert average_precision(ranks_of([[1, 0, 1, 0]]))[0] == pytest.approx(5 / 6)


def test_only_the_first_r_ranks_count():
    """Ranks 2 and 4 are relevant: (1/2) / 1 among the first three."""
    assert average_precision(ranks_of([[0, 1, 0, 1]]), top=3)[0] == pytest.approx(1 / 2)


def test_the_textbook_divides_by_all_relevant_items():
    """Of 3 relevant items 1 is among the first 2, at rank 1: 1 / min(3, 2)."""
    found = average_precision(ranks_of([[1, 0, 1, 1]]), top=2, total=np.array([3]))
    assert found[0] == pytest.approx(1 / 2)


def test_a_query_without_a_relevant_item_has_none():
    assert np.isnan(average_precision(ranks_of([[0, 0]])))[0]
    assert np.isnan(average_precision(ranks_of([[0, 0, 1]]), top=2))[0]


@pytest.mark.parametrize("top", [None, 1, 2, 3, 4, 5, 6, 7, 20])
@pytest.mark.parametrize("textbook", [False, True])
@pytest.mark.parametrize(
    "items, relevant",
    [
        ([3, 4], [2, 1]),
        ([1, 1, 1, 1], [0, 1, 0, 1]),
        ([7], [3]),
        ([2, 5], [0, 3]),
        ([0, 4, 3], [0, 4, 0]),
    ],
)
def test_the_expectation_is_the_mean_over_all_permutations(items, relevant, top, textbook):
    total = sum(relevant) if textbook else None
    found = expected_average_precision(
        [items], [relevant], top=top, total=np.array([total]) if textbook else None
    )
    expected = permuted_mean(items, relevant, top=top, total=total)
    assert np.nan_to_num(found[0]) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("top", [None, 150])
def test_the_expectation_is_near_the_mean_over_random_orders(top):
    rng = np.random.default_rng(3)
    items = rng.integers(0, 40, 17)
    relevant = rng.binomial(items, 0.3)
    expected = permuted_mean(items, relevant, top=top, orders=4000)
    found = expected_average_precision([items], [relevant], top=top)[0]
    assert found == pytest.approx(expected, abs=2e-3)


def test_the_expectation_without_ties_is_the_average_precision():
    relevant = np.random.default_rng(0).random((4, 300)) < 0.2
    found = expected_average_precision(np.ones((4, 300), int), relevant)
    np.testing.assert_allclose(found, average_precision(ranks_of(relevant)), rtol=1e-12)


def test_the_expectation_of_large_groups_is_precise():
    """A million items at one distance, all relevant: every order has precision 1."""
    found = expected_average_precision([[10, 10**6]], [[10, 10**6]])
    assert found[0] == pytest.approx(1, abs=1e-9)


def test_the_expectation_without_relevant_items_is_none():
    assert np.isnan(expected_average_precision([[3, 2]], [[0, 0]]))[0]
    assert np.isnan(expected_average_precision([[3, 2]], [[0, 1]], top=3))[0]
