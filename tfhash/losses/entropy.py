"""Classification and entropy losses of logits."""

from tfhash.lazy import tf


def classification(logits, labels):
    """Mean softmax cross-entropy of `[batch, classes]` logits and labels; scalar.

    A row of labels sums to 1, or to 0 and then adds nothing.

    Reference: youngkyunJang/GPQ, utils/Functions.py, CLS_loss.
    """
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels, logits))


def negative_entropy(logits):
    """Mean over the batch of sum p log(p + 1e-5), p the softmax of `[batch, classes]` logits.

    Between -log(classes), all classes alike, and about 0, one class certain.
    Reference: Jang & Cho, CVPR 2020; youngkyunJang/GPQ, utils/Functions.py, SME_loss.
    """
    p = tf.nn.softmax(logits, axis=1)
    return tf.reduce_mean(tf.reduce_sum(p * tf.math.log(p + 1e-5), axis=1))


def flip_gradient(x, *, factor=1.0):
    """`x` itself; the gradient that comes back is multiplied by `-factor`.

    Reference: Ganin & Lempitsky, ICML 2015; youngkyunJang/GPQ, utils/Functions.py, flip_gradient.
    """

    @tf.custom_gradient
    def flip(values):
        return tf.identity(values), lambda upstream: -factor * upstream

    return flip(x)
