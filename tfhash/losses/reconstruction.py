"""How far outputs are from the sums of centres that stand for them."""

from tfhash.lazy import tf


def squared_error(u, reconstruction, *, word_vectors=None):
    """Mean over the items of |u - reconstruction|^2, or of |(u - reconstruction) W^T|^2.

    Args:
        u: `[batch, dim]` float outputs.
        reconstruction: `[batch, dim]` float.
        word_vectors: W, `[classes, dim]` float, or None.
    Returns:
        Scalar of `u`'s dtype.
    Reference: thulab/DeepHash, model/dqn/dqn.py, dvsq.py (cq_loss_img), dtq.py (quantization_loss).
    """
    difference = u - reconstruction
    if word_vectors is not None:
        difference = tf.matmul(difference, word_vectors, transpose_b=True)
    return tf.reduce_mean(tf.reduce_sum(tf.square(difference), axis=1))
