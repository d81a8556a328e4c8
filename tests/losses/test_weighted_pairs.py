import numpy as np
import pytest
import tensorflow as tf

from tests import golden
from tfhash.losses import weighted_pairs

CASES = (
    "onehot_default",
    "multihot_classnum",
    "above_threshold",
    "low_threshold",
    "at_threshold",
    "defaults_no_kwargs",
    "no_positive",
    "no_negative",
    "overflow_nan_gradient",
)


def gradients(loss, *outputs):
    variables = [tf.Variable(one) for one in outputs]
    with tf.GradientTape() as tape:
        value = loss(*variables)
    return value, *tape.gradient(value, variables)


def inputs(case, name):
    keys = ("in_outputs1", "in_outputs2", "in_label1", "in_label2")
    return [case[f"{name}/{key}"] for key in keys]


@pytest.mark.parametrize("name", CASES)
def test_the_weighted_loss_equals_the_original(name):
    case = golden.case("hashnet/pairwise_loss")
    first, second, *labels = inputs(case, name)
    settings = {
        "sigmoid_param": float(case[f"{name}/in_sigmoid_param"]),
        "l_threshold": float(case[f"{name}/in_l_threshold"]),
        "similar_weight": float(case[f"{name}/in_class_num"]),
    }
    value, *found = gradients(
        lambda u, v: weighted_pairs.weighted_log_loss(u, v, *labels, **settings), first, second
    )
    np.testing.assert_allclose(value, case[f"{name}/out_loss"], rtol=1e-5)
    for number, gradient in enumerate(found, 1):
        expected = case[f"{name}/out_grad{number}"]
        assert np.isfinite(gradient).all()
        known = np.isfinite(expected)  # the original's are no numbers after an overflow
        np.testing.assert_allclose(gradient.numpy()[known], expected[known], atol=1e-6)


def test_the_threshold_changes_the_loss_by_less_than_a_millionth():
    case = golden.case("hashnet/pairwise_loss")
    first, second, *labels = map(tf.constant, inputs(case, "above_threshold"))
    cut, whole = (
        weighted_pairs.weighted_log_loss(first, second, *labels, l_threshold=threshold)
        for threshold in (15.0, 1e9)
    )
    np.testing.assert_allclose(cut, whole, rtol=1e-6)


@pytest.mark.parametrize(
    "name", ["onehot_default", "multihot_classnum", "above_threshold", "no_positive", "no_negative"]
)
def test_the_balanced_loss_equals_the_original(name):
    case = golden.case("hashnet/pairwise_loss_updated")
    first, second, *labels = inputs(case, name)
    value, *found = gradients(
        lambda u, v: weighted_pairs.balanced_log_loss(u, v, *labels), first, second
    )
    np.testing.assert_allclose(value, case[f"{name}/out_loss"], rtol=1e-5)
    rough = {"rtol": 1e-4} if name == "above_threshold" else {}
    for number, gradient in enumerate(found, 1):
        np.testing.assert_allclose(gradient, case[f"{name}/out_grad{number}"], atol=1e-5, **rough)


def test_a_similar_and_another_pair_by_hand():
    """u = (1), v = (2), (3): d = 2 (similar, weight 4) and 3 (not).

    (4 (log(1 + e^2) - 2) + log(1 + e^3)) / (4 + 1) = (4 * 0.126928 + 3.048587) / 5
    """
    u, v = tf.constant([[1.0]]), tf.constant([[2.0], [3.0]])
    labels = tf.constant([[1.0, 0.0]]), tf.constant([[1.0, 0.0], [0.0, 1.0]])
    found = weighted_pairs.weighted_log_loss(u, v, *labels, similar_weight=4.0)
    np.testing.assert_allclose(found, 0.7112598, rtol=1e-6)


def test_each_pair_is_counted_once():
    rng = np.random.default_rng(0)
    u, v = rng.normal(size=(3, 4)), rng.normal(size=(5, 4))
    a, b = rng.integers(0, 2, (3, 2)) * 1.0, rng.integers(0, 2, (5, 2)) * 1.0
    total, weights = 0.0, 0.0
    for i in range(3):
        for j in range(5):
            d, s = 0.7 * u[i] @ v[j], float(a[i] @ b[j] > 0)
            weight = 2.5 if s else 1.0
            total += weight * (np.log1p(np.exp(d)) - s * d)
            weights += weight
    found = weighted_pairs.weighted_log_loss(
        *map(tf.constant, (u, v, a, b)), sigmoid_param=0.7, similar_weight=2.5
    )
    np.testing.assert_allclose(found, total / weights, rtol=1e-12)
