"""Float and additive codes, and signs reranked by features."""

import numpy as np
import pytest

from tests import golden
from tfhash.retrieval import codes, ranking


def vectors(n, dim=6, seed=0):
    return np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)


def plain(distance, queries, database):
    """Distances by their definitions, in float64."""
    queries, database = queries.astype(np.float64)[:, None], database.astype(np.float64)
    if distance == "inner_product":
        return -(queries * database).sum(axis=2)
    if distance == "euclidean":
        return ((queries - database) ** 2).sum(axis=2)
    norms = np.linalg.norm(queries, axis=2) * np.linalg.norm(database, axis=1)
    return (1 - (queries * database).sum(axis=2) / norms) / 2


@pytest.mark.parametrize("distance", codes.DISTANCES)
def test_float_distances_equal_their_definition(distance):
    found = codes.FloatCodes(vectors(20), distance).distances(vectors(3, seed=1))
    expected = plain(distance, vectors(3, seed=1), vectors(20))
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("name, distance", [
    ("inner_product", "inner_product"), ("euclidean2", "euclidean"), ("cosine", "cosine"),
])  # fmt: skip
def test_float_distances_equal_deephash(name, distance):
    case = golden.case("deephash/distance_np")
    given = golden.retrieval(case)
    found = codes.FloatCodes(given["x2"], distance).distances(given["x1"])
    np.testing.assert_allclose(found, case[f"out_{name}_pair"], rtol=1e-5, atol=2e-5)


def additive(n=20, distance="inner_product", seed=0, codebooks=3, words=5):
    rng = np.random.default_rng(seed)
    books = rng.standard_normal((codebooks, words, 6)).astype(np.float32)
    return codes.AdditiveCodes(rng.integers(0, words, (n, codebooks)), books, distance)


@pytest.mark.parametrize("distance", codes.DISTANCES)
def test_additive_distances_equal_those_of_the_sums_of_codewords(distance):
    database, queries = additive(distance=distance), vectors(3, seed=1)
    expected = plain(distance, queries, database.decode())
    np.testing.assert_allclose(database.distances(queries), expected, atol=2e-5)


def test_additive_codes_as_queries_stand_for_what_they_decode_to():
    database, queries = additive(distance="euclidean"), additive(n=4, seed=2)
    np.testing.assert_array_equal(database.distances(queries), database.distances(queries.decode()))


@pytest.mark.parametrize("distance", codes.DISTANCES)
def test_equal_additive_codes_have_equal_distances(distance):
    one = additive(n=5, distance=distance)
    place = np.arange(1000) % 5
    found = one[place].distances(vectors(2))
    np.testing.assert_array_equal(found, one.distances(vectors(2))[:, place])


def test_reranking_orders_ties_of_signs_by_feature():
    outputs = np.float32([[1, 1], [3, 2], [-1, 1], [-9, 9]])
    database = codes.RerankedCodes(codes.BinaryCodes.from_signs(outputs), codes.FloatCodes(outputs))
    query = np.float32([[1, 1]])
    queries = codes.RerankedCodes(codes.BinaryCodes.from_signs(query), codes.FloatCodes(query))
    index, _ = ranking.search(database, queries, 4)
    np.testing.assert_array_equal(index, [[1, 0, 2, 3]])  # products 5, 2 | 0, 0 in their order


@pytest.mark.parametrize("k", [1, 5, 20])
@pytest.mark.parametrize("distance", codes.DISTANCES)
def test_search_equals_a_stable_sort(distance, k):
    database, queries = codes.FloatCodes(np.round(vectors(20)), distance), np.round(vectors(3))
    index, distances = ranking.search(database, queries, k)
    expected = np.argsort(database.distances(queries), axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(index, expected)
    np.testing.assert_array_equal(
        distances, np.take_along_axis(database.distances(queries), expected, axis=1)
    )


def test_search_for_more_than_there_is_gives_all():
    assert ranking.search(codes.FloatCodes(vectors(4)), vectors(2), 9)[0].shape == (2, 4)


def test_search_for_nothing_is_refused():
    with pytest.raises(ValueError, match="one or more"):
        ranking.search(codes.FloatCodes(vectors(4)), vectors(2), 0)


def test_vectors_with_nan_are_counted():
    broken = vectors(5)
    broken[2, 1] = np.nan
    with pytest.raises(ValueError, match="1 of 5 rows"):
        codes.FloatCodes(broken)


def test_an_unknown_distance_is_refused():
    with pytest.raises(ValueError, match="manhattan"):
        codes.FloatCodes(vectors(3), "manhattan")


def test_features_of_another_number_are_refused():
    with pytest.raises(ValueError, match="3, 4"):
        codes.RerankedCodes(codes.BinaryCodes.from_signs(vectors(4)), codes.FloatCodes(vectors(3)))
