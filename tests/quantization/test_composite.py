import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests import golden
from tfhash.quantization import composite

METHODS = ("dqn", "dvsq", "dtq")
# Seed of the vectors and of the centres by golden file.
ICM = {
    "dqn_dense": (201, 202),
    "dqn_block": (201, 202),
    "dtq_dense": (3221, 3222),
    "dtq_block": (221, 222),
    "dvsq_dense": (211, 212),
    "dvsq_block": (211, 212),
}


def icm_inputs(case):
    """Vectors and centres as the table of the golden README says."""
    name = case.name.removeprefix("icm_")
    dim, words, books = (case.args[k] for k in ("output_dim", "n_subcenter", "n_subspace"))
    vectors, centers = ICM[name]
    if name.endswith("dense"):
        centers = golden.seeded.embeddings(centers, books * words, dim, scale=0.6)
    else:
        drawn = golden.seeded.embeddings(centers, books * words, dim)
        centers, width = np.zeros_like(drawn), dim // books
        for book in range(books):
            block = np.s_[book * words : (book + 1) * words, book * width : (book + 1) * width]
            centers[block] = drawn[block]
    return golden.seeded.embeddings(vectors, case.args["n"], dim), centers


@pytest.mark.parametrize("name", sorted(ICM))
def test_the_codes_equal_the_original(name):
    case = golden.case(f"deephash/icm_{name}")
    vectors, centers = icm_inputs(case)
    words = case["in_wordvec"] if "in_wordvec" in case else None
    codes = composite.assign(vectors, centers, case["in_orders"], word_vectors=words)
    np.testing.assert_array_equal(codes, case["out_code_ids"])
    error = np.square(vectors - composite.reconstruct(codes, centers).numpy()).sum(axis=1).mean()
    np.testing.assert_allclose(error, case["out_recon_error"], rtol=1e-4)


@pytest.mark.parametrize("name", METHODS)
def test_the_centres_equal_the_original(name):
    case = golden.case(f"deephash/centers_{name}")
    dim = case.args["output_dim"]
    vectors = golden.seeded.embeddings(241, 500, dim)
    old = golden.seeded.embeddings(242, 64, dim, scale=0.5)
    codes = case["in_code_ids"]
    centers = composite.update_centers(vectors, codes, old)
    loose = name == "dvsq"
    np.testing.assert_allclose(centers, case["out_C"], atol=1e-2 if loose else 9e-3)
    np.testing.assert_allclose(centers, case["out_C_float64"], atol=1e-6)
    unused = [31, 46, 47, 61, 62, 63]
    np.testing.assert_array_equal(centers[unused], old[unused])
    decoded = composite.reconstruct(codes, centers).numpy()
    np.testing.assert_allclose(decoded[:64], case["out_recon"], atol=2e-2 if loose else 1e-2)
    error = np.square(vectors - decoded).sum(axis=1).mean()
    np.testing.assert_allclose(error, case["out_recon_error"], rtol=1e-4)


def inertia(vectors, centers, books):
    """Mean squared distance of a slice to its nearest centre, summed over the slices."""
    width, total = vectors.shape[1] // books, 0
    for book, block in enumerate(np.split(centers, books)):
        columns = slice(book * width, (book + 1) * width)
        difference = vectors[:, None, columns] - block[None, :, columns]
        total += np.square(difference).sum(axis=2).min(axis=1).mean()
    return total


@pytest.mark.parametrize("name", METHODS)
def test_kmeans_is_as_good_as_the_originals(name):
    case = golden.case(f"deephash/kmeans_{name}")
    dim = case.args["output_dim"]
    means = golden.seeded.embeddings(251, 30, dim, scale=1.0)[np.arange(500) % 30]
    vectors = means + golden.seeded.embeddings(252, 500, dim, scale=0.5)
    centers = composite.initial_centers(vectors, 4, 16, seed=0)
    known = case["out_inertia"]
    assert 0.9 * known.min() <= inertia(vectors, centers, 4) <= 1.1 * known.max()


def test_initial_centres_are_zero_outside_of_their_slice():
    vectors = golden.seeded.embeddings(0, 40, 11)  # 3 slices of 3 columns, 2 left over
    centers = composite.initial_centers(vectors, 3, 5, seed=1).reshape(3, 5, 11)
    assert centers.dtype == np.float32
    for book in range(3):
        used = np.zeros(11, bool)
        used[book * 3 : book * 3 + 3] = True
        assert not centers[book][:, ~used].any() and centers[book][:, used].all()


def test_kmeans_depends_on_its_seed_alone():
    vectors = golden.seeded.embeddings(0, 60, 8)
    one, again, other = (composite.initial_centers(vectors, 2, 4, seed=s) for s in (1, 1, 5))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_equal_vectors_can_be_clustered():
    centers = composite.initial_centers(np.ones((20, 4)), 2, 4, seed=0)
    np.testing.assert_allclose(centers[:4, :2], 1)


def test_more_centres_than_images_are_an_error():
    with pytest.raises(ValueError, match="Received: 5 images, 6 centres"):
        composite.initial_centers(np.ones((5, 4)), 2, 6, seed=0)


def test_planted_sums_of_centres_are_found():
    """Codebooks in slices of their own: one sweep finds the centres that make up a vector."""
    vectors = golden.seeded.embeddings(3, 24, 6)
    centers = np.zeros((3, 8, 6), np.float32)
    for book in range(3):
        columns = slice(2 * book, 2 * book + 2)
        centers[book, :, columns] = vectors[8 * book : 8 * book + 8, columns]
    planted = np.array(list(itertools.product(range(8), repeat=3)))[::7]
    centers = centers.reshape(24, 6)
    sums = composite.reconstruct(planted, centers).numpy()
    found = composite.assign(sums, centers, [[2, 0, 1]])
    np.testing.assert_array_equal(found, planted)


def test_a_single_codebook_gives_the_nearest_centre():
    vectors, centers = golden.seeded.embeddings(4, 30, 5), golden.seeded.embeddings(5, 7, 5)
    nearest = np.square(vectors[:, None] - centers).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(composite.assign(vectors, centers, [[0]])[:, 0], nearest)


def test_more_sweeps_never_raise_the_error():
    vectors = golden.seeded.embeddings(6, 200, 8)
    centers = golden.seeded.embeddings(7, 32, 8, scale=0.5)
    errors = []
    for sweeps in (1, 2, 4):
        codes = composite.assign(vectors, centers, [[0, 1, 2, 3]] * sweeps)
        decoded = composite.reconstruct(codes, centers).numpy()
        errors.append(np.square(vectors - decoded).sum())
    assert errors[0] > errors[1] >= errors[2]


def test_the_codes_do_not_depend_on_the_blocks(monkeypatch):
    vectors, centers = golden.seeded.embeddings(8, 100, 6), golden.seeded.embeddings(9, 20, 6)
    visits = composite.orders(4, 3, seed=0)
    whole = composite.assign(vectors, centers, visits)
    monkeypatch.setattr(composite, "BLOCK", 33)
    np.testing.assert_array_equal(composite.assign(vectors, centers, visits), whole)


def test_no_vectors_have_no_codes():
    assert composite.assign(np.zeros((0, 6)), np.zeros((20, 6)), [[0, 1]]).shape == (0, 2)


def test_each_sweep_visits_every_codebook_once():
    visits = composite.orders(5, 20, seed=(1, 2))
    np.testing.assert_array_equal(np.sort(visits, axis=1), [np.arange(5)] * 20)
    assert len({tuple(visit) for visit in visits}) > 10


def test_semantic_codes_ignore_what_word_vectors_do_not_see():
    """Without the third dimension: the centre that is nearest in the first two wins."""
    vectors = np.array([[1.0, 1.0, 9.0]], np.float32)
    centers = np.array([[1.0, 1.0, -9.0], [0.0, 0.0, 9.0]], np.float32)
    words = np.eye(3, dtype=np.float32)[:2]
    assert composite.assign(vectors, centers, [[0]], word_vectors=words) == [[0]]
    assert composite.assign(vectors, centers, [[0]]) == [[1]]


def test_centres_are_means_where_each_codebook_stands_alone():
    """One codebook: least squares are the means of a cell, shrunk by count / (count + .001)."""
    vectors = np.array([[1.0, 0.0], [3.0, 0.0], [0.0, 5.0]], np.float32)
    centers = composite.update_centers(vectors, [[0], [0], [2]], np.full((3, 2), 7.0))
    expected = [[4 / 2.001, 0], [7, 7], [0, 5 / 1.001]]
    np.testing.assert_allclose(centers, expected, rtol=1e-6)


def test_codes_and_centres_in_turns_lower_the_error():
    vectors = golden.seeded.embeddings(6, 300, 8)
    centers = composite.initial_centers(vectors, 2, 8, seed=0)

    def error(rounds):
        codes, fitted = composite.fit(vectors, centers, 2, rounds=rounds, sweeps=3, seed=(0,))
        return np.square(vectors - composite.reconstruct(codes, fitted).numpy()).sum()

    assert error(1) > error(4)


def test_reconstruction_is_the_product_with_the_one_hot_codes():
    codes = np.random.RandomState(0).randint(16, size=(9, 4))
    centers = golden.seeded.embeddings(1, 64, 5)
    dense = golden.weights("deephash").codes_one_hot(codes, 16) @ centers
    np.testing.assert_allclose(composite.reconstruct(codes, tf.constant(centers)), dense, atol=1e-5)
