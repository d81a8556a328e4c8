import numpy as np
import pytest

from tfhash.metrics.clusters import normalized_mutual_information


def test_a_bucket_for_each_label_is_perfect():
    assert normalized_mutual_information(np.diag([3, 5, 2])) == pytest.approx(1)


def test_buckets_that_know_nothing_of_the_labels_have_none():
    assert normalized_mutual_information(np.ones((4, 3))) == pytest.approx(0, abs=1e-12)


def test_by_hand():
    """Labels (2, 2); bucket 0 has both of label 0 and one of 1: entropies .8113 and 1,
    the joint one 1.5, so mutual information .3113 and .3113 / .9056 = .3437."""
    assert normalized_mutual_information([[2, 1], [0, 1]]) == pytest.approx(0.3437, abs=1e-4)


def test_a_single_bucket_of_a_single_label_agrees():
    assert normalized_mutual_information([[7]]) == 1


def test_empty_buckets_do_not_count():
    one = normalized_mutual_information([[2, 1], [0, 1]])
    assert normalized_mutual_information([[2, 1], [0, 0], [0, 1]]) == pytest.approx(one)


@pytest.mark.parametrize("counts", [np.zeros((2, 2)), [[1, -1], [1, 1]], [1, 2]])
def test_no_counts_are_refused(counts):
    with pytest.raises(ValueError, match="Expected `counts`"):
        normalized_mutual_information(counts)
