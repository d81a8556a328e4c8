import numpy as np
import pytest

from tests.retrieval import plain
from tfhash.retrieval import ranking
from tfhash.retrieval.codes import DISTANCES, BinaryCodes, FloatCodes


def random_bits(n, bits, seed=0):
    return np.random.default_rng(seed).integers(0, 2, (n, bits), dtype=np.uint8)


@pytest.mark.parametrize("bits", [1, 7, 48, 130, 300])
@pytest.mark.parametrize("n", [1, 63, 64, 65, 1000])
@pytest.mark.parametrize("top", [None, 10])
def test_stable_ranks_by_hamming_distance_equal_a_stable_sort(bits, n, top):
    rng = np.random.default_rng(2)
    database, queries = random_bits(n, bits), random_bits(3, bits, seed=1)
    similar = rng.random((3, n)) < 0.4
    codes = (BinaryCodes.from_bits(database), BinaryCodes.from_bits(queries))
    (found,) = ranking.relevant_ranks(*codes, similar, top=top)
    for query, relevant, ranks in zip(queries, similar, found):
        order = np.argsort((query != database).sum(axis=1), kind="stable")
        np.testing.assert_array_equal(ranks, np.flatnonzero(relevant[order][:top]))


def test_items_within_each_radius_are_counted():
    database = BinaryCodes.from_bits([[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 1, 1]])
    queries = BinaryCodes.from_bits([[0, 0, 0], [1, 1, 1]])
    ((ranks, within),) = ranking.radius_ranks(database, queries, np.ones((2, 4)))
    np.testing.assert_array_equal(within, [[1, 3, 3, 4], [1, 1, 3, 4]])
    np.testing.assert_array_equal(ranks, [[0, 1, 2, 3]] * 2)


def test_items_at_each_distance_are_counted():
    database = BinaryCodes.from_bits([[0, 0], [0, 1], [1, 0], [1, 1]])
    queries = BinaryCodes.from_bits([[0, 0], [0, 0], [1, 0]])
    similar = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]])
    ((items, relevant),) = ranking.tie_counts(database, queries, similar)
    np.testing.assert_array_equal(items, [[1, 2, 1]] * 3)
    np.testing.assert_array_equal(relevant, [[1, 1, 0], [0, 0, 0], [1, 2, 1]])


def test_counts_of_a_large_database_equal_the_plain_ones():
    """More items than are counted at a time; queries that share labels and some that do not."""
    rng = np.random.default_rng(0)
    database, queries = random_bits(70_001, 20), random_bits(6, 20, seed=1)
    labels, query_labels = rng.random((70_001, 9)) < 0.2, rng.random((6, 9)) < 0.3
    query_labels[3] = query_labels[0]
    codes = (BinaryCodes.from_bits(database), BinaryCodes.from_bits(queries))
    ((items, relevant),) = ranking.tie_counts(*codes, query_labels, labels)
    for row, query in enumerate(queries):
        distances = (query != database).sum(axis=1)
        similar = (query_labels[row] & labels).any(axis=1)
        np.testing.assert_array_equal(items[row], np.bincount(distances, minlength=21))
        np.testing.assert_array_equal(relevant[row], np.bincount(distances[similar], minlength=21))


@pytest.mark.parametrize("k", [1, 5, 20])
@pytest.mark.parametrize("distance", DISTANCES)
def test_search_equals_a_stable_sort(distance, k):
    database = FloatCodes(np.round(plain.vectors(20)), distance)
    queries = np.round(plain.vectors(3))
    nearest = ranking.search(database, queries, k)
    distances = database.distances(queries)
    expected = np.argsort(distances, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(nearest.positions, expected)
    np.testing.assert_array_equal(
        nearest.distances, np.take_along_axis(distances, expected, axis=1)
    )


def test_search_for_more_than_there_is_gives_all():
    nearest = ranking.search(FloatCodes(plain.vectors(4)), plain.vectors(2), 9)
    assert nearest.positions.shape == nearest.distances.shape == (2, 4)


def test_search_for_nothing_is_refused():
    with pytest.raises(ValueError, match="one or more"):
        ranking.search(FloatCodes(plain.vectors(4)), plain.vectors(2), 0)
