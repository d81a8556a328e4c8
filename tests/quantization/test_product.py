import numpy as np
import pytest
import tensorflow as tf

from tests import golden
from tfhash.quantization import product


def test_intra_normalize_equals_the_original():
    case = golden.case("gpq/intra_norm")
    x = tf.Variable(case["in_features"])
    with tf.GradientTape() as tape:
        value = product.intra_normalize(x, 12)
        total = tf.reduce_sum(value * case["in_cotangent"])
    np.testing.assert_allclose(value, case["out_value"], atol=1e-6)
    gradient = tape.gradient(total, x)
    np.testing.assert_allclose(gradient, case["out_grad_features"], rtol=1e-5, atol=1e-5)


def test_soft_assign_equals_the_original():
    case = golden.case("gpq/soft_assignment")
    z, x = tf.Variable(case["in_z"]), tf.Variable(case["in_x"])
    with tf.GradientTape() as tape:
        value = product.soft_assign(z, x, 12, alpha=20.0)
        total = tf.reduce_sum(value * case["in_cotangent"])
    np.testing.assert_allclose(value, case["out_value"], atol=1e-5)
    of_z, of_x = tape.gradient(total, [z, x])
    np.testing.assert_allclose(of_z, case["out_grad_z"], atol=1e-4)
    np.testing.assert_allclose(of_x, case["out_grad_x"], atol=1e-4)


def test_segment_logits_equal_the_original():
    case = golden.case("gpq/classifier")
    x = tf.Variable(case["in_features"])
    prototypes = tf.Variable(case["in_prototypes_transposed"].T)
    with tf.GradientTape() as tape:
        logits = product.segment_logits(x, prototypes, 12, scale=1.0)
        total = tf.reduce_sum(logits * case["in_cotangent"])
    np.testing.assert_allclose(logits, case["out_logits"], atol=1e-5)
    of_x, of_prototypes = tape.gradient(total, [x, prototypes])
    np.testing.assert_allclose(of_x, case["out_grad_features"], atol=1e-5)
    expected = case["out_grad_prototypes_transposed"].T
    np.testing.assert_allclose(of_prototypes, expected, atol=1e-5)


def test_hard_assign_equals_the_original():
    case = golden.case("gpq/retrieval")
    codes = product.hard_assign(case["in_z"], case["in_gallery"], 12)
    np.testing.assert_array_equal(codes, case["out_codes"])


def test_soft_assign_of_a_codeword_with_a_large_alpha_is_that_codeword():
    words = product.intra_normalize(golden.seeded.embeddings(1, 16, 144), 12)
    found = product.soft_assign(words, words[3:4], 12, alpha=500.0)
    np.testing.assert_allclose(found, words[3:4], atol=1e-5)


def test_hard_assign_gives_planted_words_back():
    words = golden.seeded.embeddings(2, 16, 24)
    planted = np.random.RandomState(3).randint(0, 16, (50, 2))
    normal = product.split(product.intra_normalize(words, 2), 2).numpy()
    vectors = np.concatenate([normal[planted[:, 0], 0], normal[planted[:, 1], 1]], axis=1)
    np.testing.assert_array_equal(product.hard_assign(words, vectors, 2), planted)


@pytest.mark.parametrize("segments", [1, 4])
def test_a_zero_vector_stays_zero_and_finite(segments):
    value = product.intra_normalize(tf.zeros([2, 8]), segments)
    np.testing.assert_array_equal(value, np.zeros((2, 8)))
