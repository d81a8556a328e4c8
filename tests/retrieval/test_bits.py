import numpy as np
import pytest

from tfhash.retrieval import bits

CODES = np.array([[0, 1, 1], [0, 1, 0], [0, 0, 1], [0, 0, 0]])


def test_share_of_ones_and_entropy_by_hand():
    np.testing.assert_allclose(bits.ones(CODES), [0, 1 / 2, 1 / 2])
    np.testing.assert_allclose(bits.entropy(CODES), [0, 1, 1], atol=1e-10)


def test_the_balance_of_the_bits_by_hand():
    """Of the three bits one is never 1, and two are half of the time."""
    assert bits.balance(CODES) == pytest.approx((0 + 1 + 1) / 3)


def test_distinct_codes_are_counted():
    assert bits.distinct(np.array([[1, 2], [1, 2], [1, 3]])) == 2


def test_the_error_of_the_signs_by_hand():
    """(1 - 0.5)^2 and (1 - 2)^2: their mean is 0.625."""
    assert bits.sign_error(np.array([[-0.5, 2.0]])) == pytest.approx(0.625)
