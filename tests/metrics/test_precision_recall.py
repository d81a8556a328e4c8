import numpy as np
import pytest

from tfhash.metrics import precision_recall as curves

RANKS = [np.array([0, 3]), np.array([1])]  # of 5 items


def test_hits_precision_and_recall_by_hand():
    hits = curves.hits_at(RANKS, [1, 2, 5])
    np.testing.assert_array_equal(hits, [[1, 1, 2], [0, 1, 1]])
    precision, recall = curves.at_counts(hits, [1, 2, 5], np.array([2, 1]))
    np.testing.assert_allclose(precision, [1 / 2, 1 / 2, 3 / 10])
    np.testing.assert_allclose(recall, [1 / 4, 3 / 4, 1])


def test_expected_hits_are_the_mean_over_random_orders():
    items, relevant = [2, 6, 4], [1, 2, 3]
    rng = np.random.default_rng(0)
    groups = [np.arange(n) < r for n, r in zip(items, relevant)]
    orders = [np.concatenate([rng.permutation(g) for g in groups]) for _ in range(20000)]
    expected = np.mean(np.cumsum(orders, axis=1), axis=0)
    found = curves.expected_hits_at([items], [relevant], np.arange(1, 13))
    np.testing.assert_allclose(found[0], expected, atol=0.02)


def test_interpolated_precision_is_the_best_at_that_recall_or_more():
    """Relevant at ranks 0 and 3 of 4: precision 1 up to recall 1/2, then 2/4."""
    counts = np.arange(1, 5)
    hits = curves.hits_at([np.array([0, 3])], counts)
    found = curves.at_recall_levels(hits, counts, np.array([2]))
    np.testing.assert_allclose(found, [1] * 11 + [1 / 2] * 10)


def test_queries_without_relevant_items_are_left_out_of_the_curve():
    counts = np.arange(1, 3)
    hits = curves.hits_at([np.array([0]), np.array([], int)], counts)
    totals = np.array([1, 0])
    np.testing.assert_allclose(curves.at_recall_levels(hits, counts, totals), 1)
    assert np.isnan(curves.at_recall_levels(hits[1:], counts, totals[1:])).all()


@pytest.mark.parametrize("count", [1, 7])
def test_a_perfect_ranking_has_precision_one_everywhere(count):
    counts = np.arange(1, 11)
    hits = curves.hits_at([np.arange(count)], counts)
    found = curves.at_recall_levels(hits, counts, np.array([count]))
    np.testing.assert_allclose(found, 1)
