"""Losses of the cosines between all items of a batch.

Reference: Cao et al., "Deep Quantization Network for Efficient Image Retrieval", AAAI 2016;
thulab/DeepHash, model/dqn/dqn.py.
"""

from tfhash.lazy import tf

EPSILON = 1e-12  # inside of the roots: an output of length 0 has a finite gradient


def squared_difference(u, labels):
    """Mean over all pairs of (s - cos(u_i, u_j))^2; s is 1 for a shared label, else -1.

    Pairs of an item with itself count.

    Args:
        u: `[batch, dim]` float outputs.
        labels: `[batch, classes]` 0/1.
    Returns:
        Scalar of `u`'s dtype, in 0 to 4.
    Original: DQN.apply_loss_function, cos_loss.
    """
    similar = 2 * tf.minimum(tf.matmul(labels, labels, transpose_b=True), 1) - 1
    squares = tf.reduce_sum(tf.square(u), axis=1)
    lengths = tf.sqrt(squares[:, None] * squares + EPSILON)
    cosines = tf.matmul(u, u, transpose_b=True) / lengths
    return tf.reduce_mean(tf.square(similar - cosines))
