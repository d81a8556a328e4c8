"""The codes of single items as bytes."""

import numpy as np
import pytest

from tests.retrieval.test_base import KINDS
from tfhash.retrieval import codes
from tfhash.search import records

each_kind = pytest.mark.parametrize("given", KINDS, ids=lambda given: given.kind)


@each_kind
def test_codes_of_every_kind_come_back_from_their_bytes(given):
    rows = records.packed(given)
    assert rows.shape[0] == len(given) and rows.dtype == np.uint8
    again = records.unpacked(b"".join(row.tobytes() for row in rows), given[:0])
    assert type(again) is type(given)
    for name, array in given.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array)


@each_kind
def test_the_bytes_of_an_item_do_not_depend_on_the_others(given):
    np.testing.assert_array_equal(records.packed(given[2:5]), records.packed(given)[2:5])


def test_a_code_of_48_bits_takes_a_word():
    bits = codes.BinaryCodes.from_bits(np.zeros((3, 48)))
    assert records.packed(bits).shape == (3, 8)


def test_bytes_of_no_whole_items_are_refused():
    bits = codes.BinaryCodes.from_bits(np.zeros((3, 48)))
    with pytest.raises(ValueError):
        records.unpacked(records.packed(bits).tobytes()[:-1], bits[:0])


@each_kind
def test_codes_are_of_one_kind_whatever_their_items(given):
    assert records.same_kind(given[:2], given[3:])


def test_other_codebooks_are_another_kind():
    books, numbers = np.ones((2, 4, 3), np.float32), np.zeros((5, 2), np.uint8)
    given = codes.QuantizedCodes(numbers, books)
    assert not records.same_kind(given, codes.QuantizedCodes(numbers, 2 * books))
    assert not records.same_kind(given, codes.FloatCodes(np.zeros((5, 6))))
