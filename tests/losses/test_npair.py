import numpy as np
import pytest
import tensorflow as tf

from tests import golden
from tfhash.losses import npair


@pytest.mark.parametrize(
    "name, regularization, tolerance",
    [("n_pq_loss", 0.002, 1e-5), ("n_pq_loss_reg", 0.5, 1e-4)],
)
def test_product_quantization_equals_the_original(name, regularization, tolerance):
    case = golden.case(f"gpq/{name}")
    x, q = tf.Variable(case["in_x"]), tf.Variable(case["in_q"])
    targets = tf.cast(case["in_label_mat"], tf.float32)
    with tf.GradientTape() as tape:
        loss = npair.product_quantization(x, q, targets, scale=12, regularization=regularization)
    np.testing.assert_allclose(loss, case["out_loss"], atol=tolerance)
    of_x, of_q = tape.gradient(loss, [x, q])
    np.testing.assert_allclose(of_x, case["out_grad_x"], atol=tolerance)
    np.testing.assert_allclose(of_q, case["out_grad_q"], atol=tolerance)


def test_pair_targets_equal_the_original():
    case = golden.case("gpq/n_pq_loss")
    labels = golden.seeded.one_hot_labels(105, 12, 10)
    np.testing.assert_allclose(npair.pair_targets(labels), case["in_label_mat"], atol=1e-7)


def test_pair_targets_of_three_items_by_hand():
    labels = tf.constant([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    expected = [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
    np.testing.assert_allclose(npair.pair_targets(labels), expected)


def test_loss_of_orthogonal_pairs_by_hand():
    """Two unit items equal to their codes: logits scale * I, so the loss is log(1 + e^-scale)."""
    x = tf.eye(2)
    loss = npair.product_quantization(x, x, tf.eye(2), scale=2.0, regularization=0.0)
    np.testing.assert_allclose(loss, np.log1p(np.exp(-2)), rtol=1e-6)


def test_an_item_without_a_label_takes_no_part():
    labels = tf.constant([[1.0, 0], [0, 0], [1, 0]])
    np.testing.assert_allclose(npair.pair_targets(labels), [[0.5, 0, 0.5], [0] * 3, [0.5, 0, 0.5]])
