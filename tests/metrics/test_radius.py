import numpy as np
import pytest

from tests.metrics.test_average_precision import permuted_mean
from tfhash.metrics import radius


def test_a_query_by_hand():
    """Ranks 0 and 3 are relevant of 5 items; 0, 2, 4 and 5 lie within radius 0, 1, 2 and 3."""
    precision, recall, average = radius.of_ranks([np.array([0, 3])], np.array([[0, 2, 4, 5]]))
    np.testing.assert_allclose(precision, [[0, 1 / 2, 2 / 4, 2 / 5]])
    np.testing.assert_allclose(recall, [[0, 1 / 2, 1, 1]])
    np.testing.assert_allclose(average, [[0, 1, (1 + 2 / 4) / 2, (1 + 2 / 4) / 2]])


def test_a_query_without_a_relevant_item_has_zeros():
    for values in radius.of_ranks([np.array([], int)], np.array([[1, 3]])):
        np.testing.assert_array_equal(values, [[0, 0]])


def test_the_expectation_within_each_radius_is_the_mean_over_permutations():
    items, relevant = [0, 3, 1, 2], [0, 1, 1, 1]
    precision, recall, average = radius.expected(np.array([items]), np.array([relevant]))
    np.testing.assert_allclose(precision, [[0, 1 / 3, 2 / 4, 3 / 6]])
    np.testing.assert_allclose(recall, [[0, 1 / 3, 2 / 3, 1]])
    expected = [0] + [permuted_mean(items[: r + 1], relevant[: r + 1]) for r in (1, 2, 3)]
    np.testing.assert_allclose(average, [expected], atol=1e-12)


@pytest.mark.parametrize("r, average", [(2, 5 / 6), (10, 1 / 2)])
def test_a_ball_by_hand(r, average):
    """Of 4 items ranks 0 and 2 are relevant, of 5 in the database: 1/1 and 2/3.

    From radius 10 on, the original calls the precision mAP.
    """
    found = radius.in_ball([np.array([0, 2])], [4], [5], r)
    np.testing.assert_allclose(np.ravel(found), [2 / 4, 2 / 5, average])


def test_an_empty_ball_counts_zero_and_one_without_a_hit_is_left_out():
    empty = np.array([], int)
    precision, recall, average = radius.in_ball([empty, empty], [0, 3], [4, 4], 2)
    np.testing.assert_array_equal(precision, [0, 0])
    np.testing.assert_array_equal(recall, [0, 0])
    np.testing.assert_array_equal(average, [0, np.nan])
