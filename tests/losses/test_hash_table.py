import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests import golden
from tfhash.losses import hash_table

CASE = golden.case("hash_table/losses")
LABELS = {
    name: np.eye(100, dtype=np.float32)[CASE[f"in_labels_{name}"]]
    for name in ("unique", "repeated", "uneven")
} | {"single": np.eye(100, dtype=np.float32)[np.zeros(12, int)]}
# The keys of the losses in the file, split at underscores: what, similarity, labels, objective...
NAMES = sorted(key[4:-5] for key in CASE.keys() if key.startswith("out_") and "_loss" in key)
SIMILARITIES = {
    "h1": lambda a, p, chosen, k: hash_table.active_inner_products(a, p, chosen),
    "h2": lambda a, p, chosen, k: -hash_table.active_l1(a, p, chosen, k=k),
}


def labels_of(name):
    return next(LABELS[part] for part in name.split("_") if part in LABELS)


def objective_of(name):
    """The objective of a golden case and its k."""
    kind = next(f"{part}_k" for part in ("class", "sample") if f"_{part}_k" in name)
    k = int(name.split(kind)[1][0])
    return CASE[f"in_objective_{kind}{k}"].astype(np.float32), k


def number(name, key):
    return float(name.split(key)[-1].split("_")[0])


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("npairs")])
def test_npairs_equals_the_original(name):
    anchor, positive = (tf.Variable(CASE[f"in_{part}"]) for part in ("anchor", "positive"))
    with tf.GradientTape() as tape:
        if name.startswith("npairs_hash"):
            how = SIMILARITIES[name.split("_")[2]]
            similarities = how(anchor, positive, *objective_of(name))
        else:
            similarities = hash_table.inner_products(anchor, positive)
        loss = hash_table.npairs(similarities, labels_of(name))
        loss += hash_table.squared_length(anchor, positive, weight=number(name, "lamb"))
    np.testing.assert_allclose(loss, CASE[f"out_{name}_loss"], rtol=1e-5)
    for part, found in zip(("anchor", "positive"), tape.gradient(loss, [anchor, positive])):
        expected = CASE[f"out_{name}_grad_{part}"]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6, err_msg=part)


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("triplet")])
def test_semi_hard_triplets_equal_the_original(name):
    embeddings = tf.Variable(CASE["in_embeddings"])
    with tf.GradientTape() as tape:
        vectors = tf.math.l2_normalize(embeddings, axis=-1) if "_l2_" in name else embeddings + 0
        if "hash" in name:
            chosen, k = objective_of(name)
            distances = hash_table.active_l1(vectors, vectors, chosen, k=k)
        else:
            distances = hash_table.euclidean(vectors, squared="squared1" in name)
        loss = hash_table.semi_hard_triplets(
            distances, labels_of(name), margin=number(name, "margin")
        )
    np.testing.assert_allclose(loss, CASE[f"out_{name}_loss"], rtol=1e-5)
    expected = CASE[f"out_{name}_grad"]
    np.testing.assert_allclose(tape.gradient(loss, embeddings), expected, rtol=1e-4, atol=1e-6)


def semi_hard_by_hand(distances, labels, margin):
    """The definition, pair by pair."""
    found = []
    for i, j in itertools.permutations(range(len(labels)), 2):
        if labels[i] != labels[j]:
            continue
        negatives = [distances[i, n] for n in range(len(labels)) if labels[n] != labels[i]]
        farther = [d for d in negatives if d > distances[i, j]]
        chosen = min(farther) if farther else max(negatives, default=0)
        found.append(max(0, margin + distances[i, j] - chosen))
    return np.mean(found) if found else 0


@pytest.mark.parametrize("seed", range(4))
def test_semi_hard_triplets_equal_their_definition(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, 15)
    points = rng.normal(size=(15, 3))
    distances = np.linalg.norm(points[:, None] - points, axis=-1).round(1)  # with ties
    found = hash_table.semi_hard_triplets(tf.constant(distances), np.eye(4)[labels], margin=0.3)
    np.testing.assert_allclose(found, semi_hard_by_hand(distances, labels, 0.3), rtol=1e-6)


def test_triplets_without_a_pair_of_a_class_have_no_loss():
    vectors = tf.Variable(np.eye(3, dtype=np.float32))
    with tf.GradientTape() as tape:
        distances = hash_table.euclidean(vectors, squared=True)
        loss = hash_table.semi_hard_triplets(distances, np.eye(3), margin=1.0)
    assert loss == 0 and not np.any(tape.gradient(loss, vectors))


def test_equal_vectors_have_finite_gradients():
    vectors = tf.Variable(np.ones((4, 2), np.float32))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(hash_table.euclidean(vectors, squared=False))
    assert total == 0 and np.all(np.isfinite(tape.gradient(total, vectors)))


def test_active_sums_count_the_buckets_of_either_item():
    """Items have buckets {0} and {2}; of a = (1, 2, 3), p = (4, 5, 6) dimensions 0, 2 count."""
    a = tf.constant([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    p = tf.constant([[0.0, 0.0, 0.0], [4.0, 5.0, 6.0]])
    chosen = tf.constant([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    assert hash_table.active_inner_products(a, p, chosen)[0, 1] == 1 * 4 + 3 * 6
    assert hash_table.active_l1(a, p, chosen, k=1)[0, 1] == 3 + 3


# Those that these functions return; the others are steps inside the original's functions.
MATRICES = ("euclid", "euclid_squared") + tuple(
    key.removeprefix("out_matrix_")
    for key in CASE.keys()
    if key.startswith(("out_matrix_distance", "out_matrix_similarity"))
)


@pytest.mark.parametrize("name", MATRICES)
def test_a_matrix_equals_the_original(name):
    embeddings = CASE["in_embeddings"]
    kind, _, rest = name.partition("_")
    if kind == "euclid":
        found = hash_table.euclidean(embeddings, squared=rest == "squared")
    elif kind == "distance":
        chosen, k = objective_of(name)
        found = hash_table.active_l1(embeddings, embeddings, chosen, k=k)
    else:
        found = SIMILARITIES[rest[:2]](CASE["in_anchor"], CASE["in_positive"], *objective_of(name))
    np.testing.assert_allclose(found, CASE[f"out_matrix_{name}"], rtol=1e-5, atol=1e-5)
