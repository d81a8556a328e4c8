import numpy as np
import pytest
import tensorflow as tf

from tests import golden
from tfhash.losses import margin, reconstruction


def dvsq_inputs(case):
    labels = {"multihot": golden.seeded.multi_hot_labels, "onehot": golden.seeded.one_hot_labels}
    u = tf.Variable(golden.seeded.embeddings(120, 16, 300, scale=0.5))
    return u, labels[case.name.split("_")[-1]](121, 16, 10)


@pytest.mark.parametrize(
    "kind", ["softmargin_onehot", "softmargin_multihot", "margin_onehot", "margin_multihot"]
)
def test_the_losses_and_their_gradients_equal_the_original(kind):
    case = golden.case(f"deephash/loss_dvsq_{kind}")
    u, labels = dvsq_inputs(case)
    words = tf.constant(case["in_wordvec"])
    codes = golden.weights("deephash").codes_one_hot(case["in_code_ids"], 16)
    decoded = codes @ golden.seeded.embeddings(123, 64, 300, scale=0.3)
    with tf.GradientTape(persistent=True) as tape:
        if kind.startswith("soft"):
            cosines = margin.soft_margin(u, labels, words)
        else:
            cosines = margin.fixed_margin(u, labels, words, margin=case.args["margin_param"])
        plain = reconstruction.squared_error(u, decoded)
        semantic = reconstruction.squared_error(u, decoded, word_vectors=words)
        loss = cosines + case.args["cq_lambda"] * semantic
    found = {"cos_loss": cosines, "precq_loss_img": plain, "cq_loss_img": semantic, "loss": loss}
    for name, value in found.items():
        np.testing.assert_allclose(value, case[f"out_{name}"], rtol=1e-5)
        gradient = tape.gradient(value, u)
        np.testing.assert_allclose(gradient, case[f"out_grad_{name}"], rtol=1e-4, atol=1e-7)


def test_the_soft_margin_by_hand():
    """u = w_0, orthogonal word vectors: label 0 costs (1-1-1+1) + max(0, 1-1+0) = 0 over 2 x 1."""
    u, words = tf.constant([[2.0, 0.0]]), tf.eye(2)
    assert float(margin.soft_margin(u, tf.constant([[1.0, 0.0]]), words)) == pytest.approx(
        0, abs=1e-6
    )
    # Of label 1: max(0, 1 - 0 + 1) + max(0, 0 - 0 + 0) = 2, over 2 classes x 1 label.
    assert float(margin.soft_margin(u, tf.constant([[0.0, 1.0]]), words)) == pytest.approx(1)


def test_the_fixed_margin_counts_the_label_itself():
    """u = w_0: against itself the margin .7, against the other max(0, .7 - 1 + 0) = 0."""
    found = margin.fixed_margin(
        tf.constant([[2.0, 0.0]]), tf.constant([[1.0, 0.0]]), tf.eye(2), margin=0.7
    )
    assert float(found) == pytest.approx(0.35)


@pytest.mark.parametrize("u, labels", [([[0.0, 0.0]], [[1.0, 0.0]]), ([[1.0, 2.0]], [[0.0, 0.0]])])
def test_a_zero_output_and_an_item_without_labels_have_a_finite_gradient(u, labels):
    u = tf.Variable(u)
    with tf.GradientTape() as tape:
        loss = margin.soft_margin(u, tf.constant(labels), tf.eye(2)) + margin.fixed_margin(
            u, tf.constant(labels), tf.eye(2), margin=0.7
        )
    assert np.isfinite(loss) and np.isfinite(tape.gradient(loss, u)).all()
