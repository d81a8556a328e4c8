"""Losses over the pairs of two batches, weighted by whether a pair is similar."""

from tfhash.lazy import tf


def weighted_log_loss(
    first,
    second,
    first_labels,
    second_labels,
    *,
    sigmoid_param=1.0,
    l_threshold=15.0,
    similar_weight=1.0,
):
    """Weighted mean over pairs of -log p(similar or not | inner product).

    With d = sigmoid_param <u, v> and s = 1 for a pair that shares a class, else 0, a pair costs
    log(1 + exp(d)) - s d, and d - s d where d is above the threshold.

    Args:
        first, second: `[n, bits]` and `[m, bits]` float, outputs within -1 and 1.
        first_labels, second_labels: `[n, classes]` and `[m, classes]` 0/1.
        sigmoid_param: factor on an inner product; > 0.
        l_threshold: value of d from which exp(d) is left out.
        similar_weight: weight of a similar pair; that of any other is 1. > 0.
    Returns:
        Scalar of `first`'s dtype; finite, and so is its gradient. The original's gradient is no
        number where d > 88.
    Reference: Cao et al., ICCV 2017; thuml/HashNet, pytorch/src/loss.py, pairwise_loss.
    """
    similar = _similar(first_labels, second_labels, first.dtype)
    d = sigmoid_param * tf.matmul(first, second, transpose_b=True)  # [n, m]
    cost = tf.where(d > l_threshold, d, tf.math.softplus(d)) - similar * d
    weights = 1 + (similar_weight - 1) * similar
    return tf.reduce_sum(weights * cost) / tf.reduce_sum(weights)


def graded_log_loss(
    first,
    second,
    first_labels,
    second_labels,
    *,
    sigmoid_param=1.0,
    l_threshold=15.0,
    similar_weight=1.0,
):
    """`weighted_log_loss`, with the gradient that HashNet's Caffe half gives to it.

    There a pair's part of the gradient is multiplied by 8 s^2 / (s1 s2) where the two share s of
    their s1 and s2 classes, and by 2 where they share none. The loss does not show it. Arguments
    and result as for `weighted_log_loss`.

    Original: thuml/HashNet, caffe/src/caffe/layers/pairwise_loss_layer.cu, continous_similarity,
    which leaves out pairs that share all classes there are.
    """
    settings = {"l_threshold": l_threshold, "similar_weight": similar_weight}
    settings["sigmoid_param"] = sigmoid_param
    loss = weighted_log_loss(first, second, first_labels, second_labels, **settings)
    shared = tf.matmul(first_labels, second_labels, transpose_b=True)  # [n, m]
    one, other = (tf.maximum(tf.reduce_sum(y, axis=1), 1) for y in (first_labels, second_labels))
    factors = tf.where(shared > 0, 8 * shared**2 / (one[:, None] * other), 2)
    similar = tf.cast(shared > 0, first.dtype)
    weights = 1 + (similar_weight - 1) * similar
    d = sigmoid_param * tf.matmul(first, second, transpose_b=True)
    cost = tf.cast(factors, d.dtype) * (tf.math.softplus(d) - similar * d)
    graded = tf.reduce_sum(weights * cost) / tf.reduce_sum(weights)
    return graded + tf.stop_gradient(loss - graded)


def balanced_log_loss(first, second, first_labels, second_labels):
    """Sum over pairs of log(1 + exp(d)) - s d, where similar and other pairs count alike.

    A similar pair weighs 1 / the number of similar pairs, any other 1 / the number of others;
    d is the inner product. Arguments and result as for `weighted_log_loss`; a kind that does
    not occur adds nothing.

    Original: thuml/HashNet, pytorch/src/loss.py, pairwise_loss_updated.
    """
    similar = _similar(first_labels, second_labels, first.dtype)
    d = tf.matmul(first, second, transpose_b=True)
    cost = tf.math.softplus(d) - similar * d
    weights = tf.math.divide_no_nan(similar, tf.reduce_sum(similar))
    weights += tf.math.divide_no_nan(1 - similar, tf.reduce_sum(1 - similar))
    return tf.reduce_sum(weights * cost)


def _similar(first_labels, second_labels, dtype):
    """`[n, m]` 1 where two items share a class, else 0."""
    shared = tf.matmul(first_labels, second_labels, transpose_b=True)
    return tf.cast(shared > 0, dtype)
