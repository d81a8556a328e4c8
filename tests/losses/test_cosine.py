import numpy as np
import pytest
import tensorflow as tf

from tests import golden
from tfhash.losses import cosine, reconstruction


@pytest.mark.parametrize("kind", ["onehot", "multihot"])
def test_the_losses_and_their_gradients_equal_the_original(kind):
    case = golden.case(f"deephash/loss_dqn_{kind}")
    draw = {"multihot": golden.seeded.multi_hot_labels, "onehot": golden.seeded.one_hot_labels}
    u = tf.Variable(golden.seeded.embeddings(115, 16, 48, scale=0.5))
    labels = draw[kind](116, 16, 10)
    codes = golden.weights("deephash").codes_one_hot(case["in_code_ids"], 16)
    decoded = codes @ golden.seeded.embeddings(118, 64, 48, scale=0.3)
    with tf.GradientTape(persistent=True) as tape:
        cosines = cosine.squared_difference(u, labels)
        error = reconstruction.squared_error(u, decoded)
        loss = cosines + case.args["cq_lambda"] * error
    for name, value in (("cos_loss", cosines), ("cq_loss_img", error), ("loss", loss)):
        np.testing.assert_allclose(value, case[f"out_{name}"], rtol=1e-5)
        gradient = tape.gradient(value, u)
        np.testing.assert_allclose(gradient, case[f"out_grad_{name}"], rtol=1e-4, atol=1e-7)


def test_the_quantization_loss_of_dtq_equals_the_original():
    case = golden.case("deephash/loss_dtq_total")
    u = tf.Variable(golden.seeded.embeddings(135, 18, 48, scale=0.6))
    codes = golden.weights("deephash").codes_one_hot(case["in_code_ids"], 16)
    with tf.GradientTape() as tape:
        decoded = codes @ golden.seeded.embeddings(137, 64, 48, scale=0.3)
        error = reconstruction.squared_error(u, decoded)
    np.testing.assert_allclose(error, case["out_cq_loss"], rtol=1e-5)
    gradient = tape.gradient(error, u)
    np.testing.assert_allclose(gradient, case["out_grad_cq_loss"], rtol=1e-4, atol=1e-7)


def test_pairs_of_one_kind_point_the_same_way_at_best():
    u = tf.constant([[1.0, 0.0], [5.0, 0.0], [-3.0, 0.0]])
    assert cosine.squared_difference(u, tf.constant([[1.0, 0], [1, 0], [0, 1]])) == 0
    # All alike: four of nine pairs are of different kinds, (-1 - 1)^2 each.
    labels = tf.constant([[1.0, 0], [1, 0], [0, 1]])
    assert float(cosine.squared_difference(tf.abs(u), labels)) == pytest.approx(16 / 9)


def test_a_zero_output_has_a_finite_gradient():
    u = tf.Variable([[0.0, 0.0], [1.0, 0.0]])
    with tf.GradientTape() as tape:
        loss = cosine.squared_difference(u, tf.eye(2))
    assert np.isfinite(tape.gradient(loss, u)).all()
