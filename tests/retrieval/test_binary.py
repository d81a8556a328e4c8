import numpy as np
import pytest

from tfhash.retrieval import codes


def random_bits(n, bits, seed=0):
    return np.random.default_rng(seed).integers(0, 2, (n, bits), dtype=np.uint8)


WIDTHS = [1, 7, 48, 64, 65, 130, 255, 256, 300]


@pytest.mark.parametrize("bits", WIDTHS)
def test_bits_come_back_from_their_words(bits):
    given = random_bits(9, bits)
    np.testing.assert_array_equal(codes.BinaryCodes.from_bits(given).unpack(), given)


@pytest.mark.parametrize("bits", WIDTHS)
def test_distances_count_the_bits_that_differ(bits):
    database, queries = random_bits(50, bits), random_bits(4, bits, seed=1)
    queries[0] = 1 - database[0]  # the largest distance there is
    found = codes.BinaryCodes.from_bits(database).distances(codes.BinaryCodes.from_bits(queries))
    np.testing.assert_array_equal(found, (queries[:, None] != database).sum(axis=2))


def test_the_sign_of_zero_is_one():
    found = codes.BinaryCodes.from_signs([[0.0, -0.0, -1e-30, 3.0]]).unpack()
    np.testing.assert_array_equal(found, [[1, 1, 0, 1]])


def test_queries_of_another_width_are_refused():
    database = codes.BinaryCodes.from_bits(random_bits(3, 48))
    with pytest.raises(ValueError, match="48 bits.*47 bits"):
        database.distances(codes.BinaryCodes.from_bits(random_bits(3, 47)))


def test_outputs_with_nan_are_counted():
    outputs = np.zeros((5, 4))
    outputs[[0, 3], 1] = np.nan
    with pytest.raises(ValueError, match="2 of 5 rows"):
        codes.BinaryCodes.from_signs(outputs)


def test_words_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"\[n, 2\].*\[3, 1\]"):
        codes.BinaryCodes(np.zeros((3, 1), np.uint64), 65)


def test_statistics_by_hand():
    """Bits 0 and 1 are always and half of the time 1; the outputs are 0.5 off their signs."""
    outputs = np.float32([[1.5, 0.5], [1.5, -0.5], [0.5, 1.5], [0.5, -1.5]])
    found = codes.BinaryCodes.from_signs(outputs).statistics(outputs)
    assert found["distinct_codes"] == 2
    assert found["bit_entropy"] == pytest.approx((0 + 1) / 2)
    assert found["sign_error"] == pytest.approx(0.25)


def test_outputs_of_another_width_have_no_sign_error():
    database = codes.BinaryCodes.from_bits(random_bits(5, 4))
    assert set(database.statistics(np.zeros((5, 9)))) == {"distinct_codes", "bit_entropy"}


def test_the_use_of_bits_by_hand():
    """One bit is never 1, the other in one item of four."""
    database = codes.BinaryCodes.from_bits([[0, 0], [0, 0], [0, 0], [0, 1]])
    assert database.usage() == {"bits_balanced": pytest.approx((0 + 2 / 4) / 2)}
