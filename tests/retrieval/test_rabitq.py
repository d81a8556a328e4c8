"""RaBitQ's codes: the estimate of a distance, FAISS' index, saving."""

import numpy as np
import pytest

from tfhash.retrieval import codes, index, ranking

DIM = 24


def vectors(n=400, seed=0):
    return np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32)


@pytest.fixture(scope="module")
def made():
    return codes.RaBitQCodes.from_vectors(vectors(), vectors().mean(axis=0))


def test_signs_are_those_around_the_centre(made):
    bits = np.unpackbits(made.signs, axis=1, bitorder="little")
    np.testing.assert_array_equal(bits, vectors() - made.center >= 0)
    assert made.bits == DIM + 64 and len(made[:3]) == 3


def test_the_distance_of_an_item_to_the_centre_is_exact(made):
    expected = ((vectors() - made.center) ** 2).sum(axis=1)
    np.testing.assert_allclose(made.distances(made.center[None])[0], expected, rtol=1e-4)


def test_distances_estimate_the_euclidean_ones(made):
    queries = vectors(20, seed=1)
    exact = ((queries[:, None] - vectors()) ** 2).sum(axis=2)
    found = made.distances(queries)
    assert np.corrcoef(found.ravel(), exact.ravel())[0, 1] > 0.8
    assert abs((found - exact).mean()) < 0.03 * exact.mean()  # no bias


def test_faiss_finds_the_same_items(made):
    queries = vectors(9, seed=2)
    expected = ranking.search(made, queries, 5)
    found = index.Index(made).search(queries, 5)
    np.testing.assert_array_equal(found.positions, expected.positions)
    np.testing.assert_allclose(found.distances, expected.distances, rtol=1e-4, atol=1e-4)


def test_saved_codes_and_their_index_are_loaded(made, tmp_path):
    made.save(tmp_path / "c.npz")
    loaded, queries = codes.load(tmp_path / "c.npz"), vectors(3, seed=3)
    np.testing.assert_array_equal(loaded.distances(queries), made.distances(queries))
    index.Index(made).save(tmp_path / "c.faiss")
    found = index.Index.load(tmp_path / "c.faiss", loaded).search(queries, 4)
    np.testing.assert_array_equal(found.positions, ranking.search(made, queries, 4).positions)


def test_arrays_that_do_not_fit_are_refused(made):
    with pytest.raises(ValueError, match=r"`signs` uint8 \[400, 3\]"):
        codes.RaBitQCodes(made.signs[:, :2], made.factors, made.center)
