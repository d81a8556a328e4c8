"""Product codes by Euclidean distance: the distances, FAISS' index, saving."""

import numpy as np
import pytest

from tfhash.retrieval import codes, index, ranking


def random_codes(words=16, n=200, segments=5, length=3, seed=0):
    rng = np.random.default_rng(seed)
    books = rng.standard_normal((segments, words, length)).astype(np.float32)
    return codes.ProductCodes(rng.integers(0, words, (n, segments)), books)


def random_queries(seed=1):
    return np.random.default_rng(seed).standard_normal((7, 15)).astype(np.float32)


def test_distances_are_those_to_what_the_codes_stand_for():
    made, queries = random_codes(), random_queries()
    expected = ((queries[:, None] - made.decode()) ** 2).sum(axis=2)
    np.testing.assert_allclose(made.distances(queries), expected, rtol=1e-5, atol=1e-5)


def test_distances_by_hand():
    books = np.float32([[[0], [3]], [[1], [4]]])
    made = codes.ProductCodes([[0, 0], [1, 0], [1, 1]], books)
    assert made.distances(np.float32([[3, 1]])).tolist() == [[9, 0, 9]]


def test_equal_codes_are_at_equal_distances():
    made = random_codes()
    twice = made[np.array([3, 5, 3])]
    distances = twice.distances(random_queries())
    np.testing.assert_array_equal(distances[:, 0], distances[:, 2])


@pytest.mark.parametrize("words", [16, 11, 256])
def test_faiss_finds_the_same_items(words):
    made, queries = random_codes(words), random_queries()
    expected = ranking.search(made, queries, 6)
    found = index.Index(made).search(queries, 6)
    np.testing.assert_allclose(found.distances, expected.distances, rtol=1e-4, atol=1e-4)


def test_saved_codes_are_loaded(tmp_path):
    made = random_codes()
    made.save(tmp_path / "c.npz")
    loaded = codes.load(tmp_path / "c.npz")
    assert type(loaded) is codes.ProductCodes and loaded.bits == made.bits == 20
    np.testing.assert_array_equal(
        loaded.distances(random_queries()), made.distances(random_queries())
    )
