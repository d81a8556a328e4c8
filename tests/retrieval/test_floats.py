import numpy as np
import pytest

from tests import golden
from tests.retrieval import plain
from tfhash.retrieval.codes import DISTANCES, BinaryCodes, FloatCodes


@pytest.mark.parametrize("distance", DISTANCES)
def test_distances_equal_their_definition(distance):
    database, queries = plain.vectors(20), plain.vectors(3, seed=1)
    distances = FloatCodes(database, distance).distances(queries)
    expected = plain.distances(distance, queries, database)
    np.testing.assert_allclose(distances, expected, atol=1e-5)


ORIGINAL_NAMES = {"inner_product": "inner_product", "euclidean": "euclidean2", "cosine": "cosine"}


@pytest.mark.parametrize("distance", DISTANCES)
def test_distances_equal_deephash(distance):
    case = golden.case("deephash/distance_np")
    given = golden.retrieval(case)
    distances = FloatCodes(given["x2"], distance).distances(given["x1"])
    expected = case[f"out_{ORIGINAL_NAMES[distance]}_pair"]
    np.testing.assert_allclose(distances, expected, rtol=1e-5, atol=2e-5)


def test_vectors_with_nan_are_counted():
    broken = plain.vectors(5)
    broken[2, 1] = np.nan
    with pytest.raises(ValueError, match="1 of 5 rows"):
        FloatCodes(broken)


def test_an_unknown_distance_is_refused():
    with pytest.raises(ValueError, match="manhattan"):
        FloatCodes(plain.vectors(3), "manhattan")


def test_queries_that_cannot_be_decoded_are_refused():
    with pytest.raises(ValueError, match="BinaryCodes cannot be decoded to vectors"):
        FloatCodes(plain.vectors(3)).distances(BinaryCodes.from_signs(plain.vectors(2)))
