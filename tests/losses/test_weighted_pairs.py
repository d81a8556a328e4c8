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


# ---- the gradient of HashNet's Caffe half


def graded(u, v, labels, **settings):
    return gradients(lambda *pair: weighted_pairs.graded_log_loss(*pair, *labels, **settings), u, v)


def test_the_graded_gradient_by_hand():
    """u = (1) of classes a and b; v = (2) of a, (3) of c; weight 4; by pairwise_loss_layer.cu.

    The first pair shares 1 class of 2 and 1: 2 (sigmoid(2) - 1) 4 (1 / 2) 4 = -1.907249. The
    second none: 2 sigmoid(3) (1 / 4) 4 = 1.905148. Both over 4 + 1, times the other output.
    """
    labels = tf.constant([[1.0, 1.0, 0.0]]), tf.constant([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    u, v = [[1.0]], [[2.0], [3.0]]
    value, of_u, of_v = graded(u, v, labels, similar_weight=4.0)
    np.testing.assert_allclose(of_u, [[(-1.907249 * 2 + 1.905148 * 3) / 5]], rtol=1e-5)
    np.testing.assert_allclose(of_v, [[-1.907249 / 5], [1.905148 / 5]], rtol=1e-5)
    plain = weighted_pairs.weighted_log_loss(*map(tf.constant, (u, v)), *labels, similar_weight=4.0)
    np.testing.assert_allclose(value, plain, rtol=1e-6)


def test_items_of_one_class_each_pull_four_times_as_hard_as_others_push():
    """With outputs of 0, sigmoid(0) - 1 and sigmoid(0) are of one size."""
    labels = tf.constant([[1.0, 0.0]]), tf.constant([[1.0, 0.0], [0.0, 1.0]])
    _, _, of_v = graded([[1.0]], [[0.0], [0.0]], labels)
    np.testing.assert_allclose(of_v, [[-8 * 0.5 / 2], [2 * 0.5 / 2]], rtol=1e-6)


def test_items_without_a_class_have_a_finite_graded_gradient():
    bare = tf.zeros([1, 2])
    _, of_u, of_v = graded([[1.0]], [[2.0]], (bare, bare))
    np.testing.assert_allclose(of_v, [[2 * 0.880797]], rtol=1e-5)
    np.testing.assert_allclose(of_u, [[4 * 0.880797]], rtol=1e-5)


def test_the_threshold_is_not_in_the_graded_gradient():
    labels = tf.constant([[1.0, 0.0]]), tf.constant([[0.0, 1.0]])
    found = [graded([[1.0]], [[2.0]], labels, l_threshold=t)[1] for t in (1.0, 15.0)]
    np.testing.assert_array_equal(*found)
