"""Margin losses against the word vectors of the labels.

Reference: Cao et al., "Deep Visual-Semantic Quantization for Efficient Image Retrieval", CVPR 2017;
thulab/DeepHash, model/dvsq/dvsq.py.
"""

from tfhash.lazy import tf

EPSILON = 1e-12  # inside of the roots: an output of length 0 has a finite gradient


def soft_margin(u, labels, word_vectors):
    """Cosine hinge loss whose margin is the distance of the two labels' word vectors.

    The sum over the items, their true labels i and all labels j of
    max(0, 1 - cos(w_i, w_j) - cos(u, w_i) + cos(u, w_j)),
    divided by the number of classes times the number of true labels in the batch.

    Args:
        u: `[batch, dim]` float outputs.
        labels: `[batch, classes]` 0/1.
        word_vectors: `[classes, dim]` float.
    Returns:
        Scalar of `u`'s dtype, >= 0; 0 without any true label.
    Original: DVSQ.apply_loss_function, cos_softmargin_multi_label.
    """
    margins = 1 - _cosines(word_vectors, word_vectors)
    cosines = _cosines(u, word_vectors)
    return _hinge(cosines, cosines, labels, margins)


def fixed_margin(u, labels, word_vectors, *, margin):
    """The same with one margin for all labels; the label itself counts as one of the labels j.

    So every true label adds `margin` at least.
    Original: cos_margin_multi_label. It multiplies the word vectors by the labels before the
    product with u, which only changes terms that the labels leave out anyway.
    """
    cosines = _cosines(u, word_vectors)
    return _hinge(cosines * labels, cosines, labels, margin)


def _hinge(of_label, of_other, labels, margins):
    terms = tf.maximum(margins - of_label[:, :, None] + of_other[:, None, :], 0)
    total = tf.reduce_sum(terms * labels[:, :, None])
    classes = tf.cast(tf.shape(labels)[1], total.dtype)
    return tf.math.divide_no_nan(total, classes * tf.reduce_sum(labels))


def _cosines(x, y):
    lengths = tf.reduce_sum(tf.square(x), axis=1)[:, None] * tf.reduce_sum(tf.square(y), axis=1)
    return tf.matmul(x, y, transpose_b=True) / tf.sqrt(lengths + EPSILON)
