"""Metric learning losses of Jeong & Song, over all dimensions or over the buckets in use.

Reference: Jeong & Song, ICML 2018. Original: maestrojeong/Deep-Hash-Table-ICML18, tfops/dist.py
and tfops/hash_dist.py. Nothing here is as large as [batch, batch, dim] or [batch, batch, batch].
"""

from tfhash.lazy import tf
from tfhash.losses import npair


def npairs(similarities, labels):
    """Mean softmax cross-entropy: each anchor must find the positives of its class.

    Args:
        similarities: `[n, n]` float, anchors by positives.
        labels: `[n, classes]` 0/1 of both.
    Returns:
        Scalar.
    Original: npairs_loss and npairs_loss_hash.
    """
    targets = npair.pair_targets(tf.cast(labels, similarities.dtype))
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(targets, similarities))


def squared_length(anchors, positives, *, weight):
    """weight / 4 times the sum of the two mean squared lengths of `[n, dim]` rows; a scalar.

    Original: npairs_loss, l2loss.
    """
    lengths = [tf.reduce_mean(tf.reduce_sum(tf.square(v), axis=1)) for v in (anchors, positives)]
    return 0.25 * weight * tf.add_n(lengths)


def inner_products(anchors, positives):
    """`[n, dim]`, `[n, dim]` -> `[n, n]`."""
    return tf.matmul(anchors, positives, transpose_b=True)


def active_inner_products(anchors, positives, chosen):
    """Inner products over the buckets that either item of a pair has (h1).

    The mask of a pair is 1 - (1 - chosen_i)(1 - chosen_j), so the sum is the whole product less
    that of what neither has.

    Args:
        anchors, positives: `[n, dim]` float.
        chosen: `[n, dim]` float 0/1.
    Returns:
        `[n, n]`.
    Original: pairwise_similarity_w_obj1.
    """
    others = 1 - chosen
    return inner_products(anchors, positives) - inner_products(anchors * others, positives * others)


def active_l1(one, other, chosen, *, k):
    """L1 distances over the buckets that either item of a pair has; h2 is its negative.

    The sum over the k buckets of the first item, and over those of the second that the first
    has not: k matrices for each, since an absolute difference is no product.

    Args:
        one, other: `[n, dim]` float.
        chosen: `[n, dim]` float 0/1 with k ones in each row.
        k: number of buckets of an item.
    Returns:
        `[n, n]`.
    Original: pairwise_distance_w_obj1 and pairwise_similarity_w_obj2.
    """
    buckets = tf.math.top_k(chosen, k).indices  # (n, k)
    others = tf.transpose(1 - chosen)  # (dim, n): which items lack a bucket
    total = tf.zeros([tf.shape(one)[0], tf.shape(other)[0]], one.dtype)
    for place in range(k):
        column = buckets[:, place]
        own = tf.gather(one, column, batch_dims=1)[:, None]
        total += tf.abs(own - tf.gather(tf.transpose(other), column))
        own = tf.gather(other, column, batch_dims=1)[:, None]
        there = tf.abs(own - tf.gather(tf.transpose(one), column)) * tf.gather(others, column)
        total += tf.transpose(there)
    return total


def euclidean(vectors, *, squared):
    """Distances `[n, n]` between `[n, dim]` rows; zero has a gradient of zero.

    Original: pairwise_distance_euclid.
    """
    lengths = tf.reduce_sum(tf.square(vectors), axis=1)
    distances = lengths[:, None] + lengths - 2 * inner_products(vectors, vectors)
    apart = (distances > 0) & ~tf.eye(tf.shape(vectors)[0], dtype=tf.bool)
    if squared:
        return tf.where(apart, distances, 0)
    return tf.where(apart, tf.sqrt(tf.where(apart, distances, 1)), 0)


def semi_hard_triplets(distances, labels, *, margin):
    """Mean over pairs of a class of max(0, margin + d(anchor, positive) - d(anchor, negative)).

    The negative is the nearest that is farther than the positive; where there is none, the
    farthest; where the batch is of one class, one at distance 0. Found by sorting each row.
    Departure: without a pair of a class the loss is 0, where the original divides by 0.

    Args:
        distances: `[n, n]` float, symmetric, 0 on the diagonal.
        labels: `[n, classes]` 0/1; items that share a class are of one.
        margin: in units of the distances.
    Returns:
        Scalar.
    Original: triplet_semihard_loss and triplet_semihard_loss_hash.
    """
    dtype = distances.dtype
    labels = tf.cast(labels, dtype)
    alike = tf.matmul(labels, labels, transpose_b=True) > 0
    count = tf.reduce_sum(tf.cast(~alike, tf.int32), axis=1, keepdims=True)  # of negatives
    keys = tf.where(alike, tf.constant(float("inf"), dtype), distances)
    order = tf.argsort(keys, axis=1)  # the negatives come first, the nearest at the front
    ascending = tf.gather(keys, order, batch_dims=1)
    farther = tf.searchsorted(ascending, distances, side="right")
    place = tf.where(farther < count, farther, tf.maximum(count - 1, 0))
    negatives = tf.gather(distances, tf.gather(order, place, batch_dims=1), batch_dims=1)
    negatives = tf.where(count > 0, negatives, tf.zeros([], dtype))
    pairs = tf.cast(alike & ~tf.eye(tf.shape(distances)[0], dtype=tf.bool), dtype)
    hinges = tf.maximum((margin + distances - negatives) * pairs, 0)
    return tf.math.divide_no_nan(tf.reduce_sum(hinges), tf.reduce_sum(pairs))
