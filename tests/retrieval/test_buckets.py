import numpy as np
import pytest

from tfhash.retrieval.codes import BucketCodes


def test_the_k_largest_values_are_the_buckets_and_the_first_of_a_tie():
    codes = BucketCodes.from_values([[0.1, 0.9, 0.5], [0.2, 0.2, 0.2]], k=2)
    np.testing.assert_array_equal(codes.unpack(), [[0, 1, 1], [1, 1, 0]])


def test_a_part_is_of_the_same_kind():
    codes = BucketCodes.from_values(np.eye(4), k=1)
    assert type(codes[1:3]) is BucketCodes
    np.testing.assert_array_equal(codes[1:3].unpack(), np.eye(4)[1:3])


def test_buckets_of_different_numbers_are_refused():
    with pytest.raises(ValueError, match="1 to 2"):
        BucketCodes.from_bits([[0, 1, 1], [0, 0, 1]])


@pytest.mark.parametrize("k", [0, 4])
def test_more_buckets_than_there_are_are_refused(k):
    with pytest.raises(ValueError, match="1 to 3"):
        BucketCodes.from_values(np.zeros((2, 3)), k)
