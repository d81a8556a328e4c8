import numpy as np
import pytest
import tensorflow as tf

from tests import golden
from tfhash.losses import triplet

LOSSES = [f"{kind}_m{margin}" for kind in triplet.DISTANCES for margin in (1, 30)]


@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_and_its_gradients_equal_the_original(name):
    case = golden.case(f"deephash/loss_dtq_{name}")
    inputs = [
        tf.Variable(golden.seeded.embeddings(seed, 16, 48, scale=0.7)) for seed in (130, 131, 132)
    ]
    kind = case.args["dist_type"]
    with tf.GradientTape() as tape:
        loss = triplet.hinge(*inputs, margin=case.args["margin"], kind=kind)
    np.testing.assert_allclose(loss, case["out_loss"], rtol=1e-5)
    for name, gradient in zip(("anchor", "pos", "neg"), tape.gradient(loss, inputs)):
        np.testing.assert_allclose(gradient, case[f"out_grad_{name}"], rtol=1e-4, atol=1e-7)
    for name, other in (("pos", inputs[1]), ("neg", inputs[2])):
        found = triplet.distance(inputs[0], other, kind=kind)
        np.testing.assert_allclose(found, case[f"out_{name}_dist"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", triplet.DISTANCES)
def test_the_distances_equal_the_originals_in_numpy(kind):
    case = golden.case("deephash/distance_np")
    x, y = golden.seeded.embeddings(140, 6, 16), golden.seeded.embeddings(141, 9, 16)
    pairs = triplet.distance(tf.constant(x)[:, None], tf.constant(y)[None], kind=kind)
    np.testing.assert_allclose(pairs, case[f"out_{kind}_pair"], rtol=1e-5, atol=1e-6)
    rows = triplet.distance(tf.constant(x), tf.constant(y[:6]), kind=kind)
    np.testing.assert_allclose(rows, case[f"out_{kind}_row"], rtol=1e-5, atol=1e-6)


def test_the_distances_of_signs_equal_the_originals_in_numpy():
    case = golden.case("deephash/distance_np")
    x, y = (tf.sign(golden.seeded.embeddings(*a, 16)) for a in ((140, 6), (141, 9)))
    found = triplet.distance(x[:, None], y[None], kind="euclidean2")
    np.testing.assert_allclose(found, case["out_euclidean2_sign"], rtol=1e-5)


@pytest.mark.parametrize("kind", triplet.DISTANCES)
@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_equal_vectors_have_a_finite_gradient(kind, scale):
    x = tf.Variable(scale * golden.seeded.embeddings(0, 3, 4))
    with tf.GradientTape() as tape:
        loss = triplet.hinge(x, x, x, margin=1.0, kind=kind)
    assert float(loss) == pytest.approx(1) and np.isfinite(tape.gradient(loss, x)).all()


def test_a_triplet_beyond_the_margin_costs_nothing():
    """d(a, p) = 1, d(a, n) = 9: 1 - 9 + 3 < 0 and 1 - 9 + 10 = 2."""
    a, p, n = (tf.constant([[value, 0.0]]) for value in (0.0, 1.0, 3.0))
    assert triplet.hinge(a, p, n, margin=3.0, kind="euclidean2") == 0
    assert triplet.hinge(a, p, n, margin=10.0, kind="euclidean2") == 2
