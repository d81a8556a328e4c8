import numpy as np
import pytest

from tests.retrieval import plain
from tfhash.retrieval.codes import DISTANCES, AdditiveCodes


def additive(n=20, distance="inner_product", seed=0, codebooks=3, words=5):
    rng = np.random.default_rng(seed)
    books = rng.standard_normal((codebooks, words, 6)).astype(np.float32)
    return AdditiveCodes(rng.integers(0, words, (n, codebooks)), books, distance)


@pytest.mark.parametrize("distance", DISTANCES)
def test_distances_equal_those_of_the_sums_of_codewords(distance):
    database, queries = additive(distance=distance), plain.vectors(3, seed=1)
    expected = plain.distances(distance, queries, database.decode())
    np.testing.assert_allclose(database.distances(queries), expected, atol=2e-5)


def test_codes_as_queries_stand_for_what_they_decode_to():
    database, queries = additive(distance="euclidean"), additive(n=4, seed=2)
    np.testing.assert_array_equal(database.distances(queries), database.distances(queries.decode()))


@pytest.mark.parametrize("distance", DISTANCES)
def test_equal_codes_have_equal_distances(distance):
    one, queries = additive(n=5, distance=distance), plain.vectors(2)
    place = np.arange(1000) % 5
    distances = one[place].distances(queries)
    np.testing.assert_array_equal(distances, one.distances(queries)[:, place])


def test_the_quantization_error_is_the_squared_distance_to_what_the_codes_stand_for():
    codebooks = np.float32([[[0, 0], [1, 0]], [[0, 0], [0, 2]]])
    codes = AdditiveCodes(np.array([[1, 1], [0, 0]]), codebooks)  # (1, 2) and (0, 0)
    outputs = np.float32([[1, 2], [3, 1]])
    assert codes.statistics(outputs) == {"quantization_error": (0 + 10) / 2}


def test_no_index_has_the_cosine():
    assert additive(distance="euclidean").has_index
    codes = additive(distance="cosine")
    assert not codes.has_index
    with pytest.raises(ValueError, match="the cosine of AdditiveCodes. Use ranking.search"):
        codes.build_faiss()
