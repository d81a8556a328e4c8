import numpy as np
import pytest

from tfhash.retrieval import codes, ranking


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


@pytest.mark.parametrize("bits", [1, 7, 48, 130, 300])
@pytest.mark.parametrize("n", [1, 63, 64, 65, 1000])
@pytest.mark.parametrize("top", [None, 10])
def test_stable_ranks_equal_a_stable_sort(bits, n, top):
    rng = np.random.default_rng(2)
    database, queries = random_bits(n, bits), random_bits(3, bits, seed=1)
    similar = rng.random((3, n)) < 0.4
    (found,) = ranking.relevant_ranks(
        codes.BinaryCodes.from_bits(database),
        codes.BinaryCodes.from_bits(queries),
        similar,
        top=top,
    )
    for query, relevant, ranks in zip(queries, similar, found):
        order = np.argsort((query != database).sum(axis=1), kind="stable")
        np.testing.assert_array_equal(ranks, np.flatnonzero(relevant[order][:top]))


def test_items_within_each_radius_are_counted():
    database = codes.BinaryCodes.from_bits([[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 1, 1]])
    queries = codes.BinaryCodes.from_bits([[0, 0, 0], [1, 1, 1]])
    ((ranks, within),) = ranking.radius_ranks(database, queries, np.ones((2, 4)))
    np.testing.assert_array_equal(within, [[1, 3, 3, 4], [1, 1, 3, 4]])
    np.testing.assert_array_equal(ranks, [[0, 1, 2, 3]] * 2)


def test_items_at_each_distance_are_counted():
    database = codes.BinaryCodes.from_bits([[0, 0], [0, 1], [1, 0], [1, 1]])
    queries = codes.BinaryCodes.from_bits([[0, 0], [0, 0], [1, 0]])
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
    ((items, relevant),) = ranking.tie_counts(
        codes.BinaryCodes.from_bits(database), codes.BinaryCodes.from_bits(queries),
        query_labels, labels,
    )  # fmt: skip
    for row, query in enumerate(queries):
        distances = (query != database).sum(axis=1)
        similar = (query_labels[row] & labels).any(axis=1)
        np.testing.assert_array_equal(items[row], np.bincount(distances, minlength=21))
        np.testing.assert_array_equal(relevant[row], np.bincount(distances[similar], minlength=21))


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


def test_the_k_largest_values_are_the_buckets_and_the_first_of_a_tie():
    found = codes.BucketCodes.from_values([[0.1, 0.9, 0.5], [0.2, 0.2, 0.2]], k=2)
    np.testing.assert_array_equal(found.unpack(), [[0, 1, 1], [1, 1, 0]])


def test_buckets_of_different_numbers_are_refused():
    with pytest.raises(ValueError, match="1 to 2"):
        codes.BucketCodes.from_bits([[0, 1, 1], [0, 0, 1]])


@pytest.mark.parametrize("k", [0, 4])
def test_more_buckets_than_there_are_are_refused(k):
    with pytest.raises(ValueError, match="1 to 3"):
        codes.BucketCodes.from_values(np.zeros((2, 3)), k)
