import numpy as np
import pytest
import tensorflow as tf

from tests import golden
from tfhash.losses import entropy
from tfhash.quantization import product


def test_classification_equals_the_original():
    case = golden.case("gpq/cls_loss")
    logits = tf.Variable(case["in_logits"])
    with tf.GradientTape() as tape:
        loss = entropy.classification(logits, case["in_label"])
    np.testing.assert_allclose(loss, case["out_loss"], atol=1e-6)
    np.testing.assert_allclose(tape.gradient(loss, logits), case["out_grad_logits"], atol=1e-6)


def test_negative_entropy_equals_the_original():
    case = golden.case("gpq/sme_loss")
    x, prototypes = tf.Variable(case["in_features"]), tf.Variable(case["in_centroids"].T)
    with tf.GradientTape() as tape:
        loss = entropy.negative_entropy(product.segment_logits(x, prototypes, 12, scale=1.0))
    np.testing.assert_allclose(loss, case["out_loss"], atol=1e-6)
    of_x, of_prototypes = tape.gradient(loss, [x, prototypes])
    np.testing.assert_allclose(of_x, case["out_grad_features"], atol=1e-6)
    np.testing.assert_allclose(of_prototypes, case["out_grad_centroids"].T, atol=1e-6)


@pytest.mark.parametrize("name", ["flip_gradient", "flip_gradient_half"])
def test_flip_gradient_equals_the_original(name):
    case = golden.case(f"gpq/{name}")
    x = tf.Variable(case["in_x"])
    with tf.GradientTape() as tape:
        value = entropy.flip_gradient(x, factor=float(case["in_l"]))
        total = tf.reduce_sum(value * case["in_cotangent"])
    np.testing.assert_allclose(value, case["out_value"], atol=1e-6)
    np.testing.assert_allclose(tape.gradient(total, x), case["out_grad_x"], atol=1e-6)


def test_equal_logits_have_the_entropy_of_all_classes():
    np.testing.assert_allclose(entropy.negative_entropy(tf.zeros([3, 10])), -np.log(10), atol=1e-3)
