"""N-pair losses: a batch against a batch, every other item a negative."""

from tfhash.lazy import tf


def pair_targets(labels):
    """`[batch, classes]` 0/1 labels -> `[batch, batch]` shares of similarity; rows sum to 1.

    That of an item without a label is zero: it takes no part in the loss.

    Reference: youngkyunJang/GPQ, train.py (label_Mat).
    """
    shared = tf.matmul(labels, labels, transpose_b=True)
    return tf.math.divide_no_nan(shared, tf.reduce_sum(shared, axis=1, keepdims=True))


def product_quantization(x, q, targets, *, scale, regularization=0.002):
    """N-pair product quantization loss: each item must find its kind among quantized items.

    Mean softmax cross-entropy of `scale * cosine(x, q)` against `targets`, plus
    0.25 * regularization * (mean |x|^2 + mean |q|^2).

    Args:
        x: `[batch, dim]` float embeddings.
        q: `[batch, dim]` float, their quantized counterparts.
        targets: `[batch, batch]` float, rows of sum 1.
        scale: factor on the cosines; the number of codebooks in the original.
        regularization: weight of the squared lengths.
    Returns:
        Scalar of `x`'s dtype.
    Reference: Jang & Cho, CVPR 2020; youngkyunJang/GPQ, utils/Functions.py, N_PQ_loss.
    """
    lengths = sum(tf.reduce_mean(tf.reduce_sum(tf.square(v), axis=1)) for v in (x, q))
    x = tf.math.l2_normalize(x, axis=1)
    q = tf.math.l2_normalize(q, axis=1)
    logits = scale * tf.matmul(x, q, transpose_b=True)
    entropies = tf.nn.softmax_cross_entropy_with_logits(targets, logits)
    return tf.reduce_mean(entropies) + 0.25 * regularization * lengths
