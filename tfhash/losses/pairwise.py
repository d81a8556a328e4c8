"""Losses over all pairs of a batch: whether two items share a label."""

from tfhash.lazy import tf

NORM_EPSILON = 1e-12  # under the root of a norm, so that zero vectors have finite gradients


def similarity(labels, other=None):
    """`[n, m]` 1 where an item of `labels` `[n, classes]` shares a label with one of `other`."""
    other = labels if other is None else other
    return tf.clip_by_value(tf.matmul(labels, other, transpose_b=True), 0.0, 1.0)


def balance(similar):
    """Weights of pairs, `[n, m]`: 1 if not `similar`, else all pairs / similar pairs.

    So both kinds weigh about the same, however rare similar pairs are. Pairs of an item with
    itself count. Without a similar pair every weight is 1.
    Original: thulab/DeepHash, balance_param of model/dch/dch.py and model/dhn/dhn.py.
    """
    count = tf.cast(tf.size(similar), similar.dtype)
    return 1 - similar + similar * tf.math.divide_no_nan(count, tf.reduce_sum(similar))


def cauchy_cross_entropy(u, labels, v=None, other=None, *, gamma, normed=False):
    """Mean over pairs of different items of the cross-entropy of a Cauchy similarity.

    gamma / (gamma + d) is the chance that two items at distance d are similar.

    Args:
        u: `[n, dim]` float, outputs before the sign.
        labels: `[n, classes]` 0/1 of u's dtype; items that share a class are similar.
        v: `[n, dim]`, the other items; None for `u`. Pairs at the same place are left out.
        other: labels of `v`.
        gamma: scale of the distribution in squared output units; > 0.
        normed: distances of unit vectors, dim / 2 (1 - cosine), instead of squared ones.
    Returns:
        Scalar of `u`'s dtype; finite also where items of different classes have equal `u`.
    Reference: Cao et al., CVPR 2018; thulab/DeepHash, model/dch/dch.py, cauchy_cross_entropy.
    """
    v, other = (u, labels) if v is None else (v, other)
    similar = similarity(labels, other)
    distance = _normed_distance(u, v) if normed else _squared_distance(u, v)
    # -log(gamma / (d + gamma)) and -log(1 - gamma / (d + gamma)), without the rounding of 1 - x.
    both = tf.math.log(distance + gamma)
    losses = similar * (both - tf.math.log(tf.cast(gamma, u.dtype)))
    losses += (1 - similar) * (both - tf.math.log(distance))
    # The weights count the pairs of an item with itself, the mean does not.
    weights = tf.linalg.set_diag(balance(similar), tf.zeros(tf.shape(u)[0], u.dtype))
    count = tf.cast(tf.size(weights) - tf.shape(u)[0], u.dtype)
    return tf.math.divide_no_nan(tf.reduce_sum(weights * losses), count)


def _squared_distance(u, v):
    products = tf.matmul(u, v, transpose_b=True)
    lengths = tf.reduce_sum(u * u, 1)[:, None] + tf.reduce_sum(v * v, 1)
    # Rounding may take a distance of (nearly) equal vectors under zero, where no log is.
    return tf.maximum(lengths - 2 * products + 1e-3, 1e-6)


def _normed_distance(u, v):
    """dim / 2 (1 - cosine + 1e-6); 1e-6 is added to the squared norm of `v` only."""
    products = tf.matmul(u, v, transpose_b=True)
    squares = tf.reduce_sum(u * u, 1)[:, None] * (tf.reduce_sum(v * v, 1) + 1e-6)
    cosines = products * tf.math.rsqrt(squares + NORM_EPSILON)
    return u.shape[1] / 2 * tf.maximum(1 - cosines + 1e-6, 1e-7)


def logistic_cross_entropy(u, labels, *, alpha, normed):
    """Mean over all pairs of log(1 + exp(alpha p)) - s alpha p, with balanced weights.

    p is the product of two outputs and s whether they are similar. A pair of an item with
    itself counts.

    Args:
        u: `[n, dim]` float, outputs before the sign.
        labels: `[n, classes]` 0/1 of u's dtype.
        alpha: scale of the products.
        normed: p is the cosine; else the inner product, held in -15 to 15.
    Returns:
        Scalar of `u`'s dtype, finite for all finite `u`.
    Reference: Zhu et al., AAAI 2016; thulab/DeepHash, model/dhn/dhn.py, cross_entropy.
    """
    similar = similarity(labels)
    products = tf.matmul(u, u, transpose_b=True)
    if normed:
        squares = tf.reduce_sum(u * u, 1)
        products *= tf.math.rsqrt(squares[:, None] * squares + NORM_EPSILON)
    else:
        products = tf.clip_by_value(products, -15.0, 15.0)
    # The original's log(1 + exp(x)) overflows from x = 88 on; softplus does not.
    losses = tf.math.softplus(alpha * products) - similar * alpha * products
    return tf.reduce_mean(losses * balance(similar))


def sign_penalty(u):
    """Mean of (|u| - 1)^2: how far outputs are from -1 and 1."""
    return tf.reduce_mean(tf.square(tf.abs(u) - 1))
