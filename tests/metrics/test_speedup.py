import pytest

from tfhash.metrics import speedup


def test_half_of_the_items_is_twice_as_fast():
    assert speedup.factor([10, 20, 15], 30) == 2


def test_nothing_touched_is_infinitely_fast():
    assert speedup.factor([0, 0], 30) == float("inf")


@pytest.mark.parametrize(
    "loads, k, factor", [([5, 5, 5, 5], 1, 4), ([10, 10], 2, 0.5), ([8], 1, 1)]
)
def test_even_loads_are_expected_to_be_as_fast_as_there_are_buckets(loads, k, factor):
    """Over k squared: k buckets are opened, and each item lies in k."""
    assert speedup.expected(loads, k) == factor
