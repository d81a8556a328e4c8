"""Triplet losses and their distances.

Reference: Liu et al., "Deep Triplet Quantization", ACM Multimedia 2018; thulab/DeepHash,
model/dtq/dtq.py.
"""

from tfhash.lazy import tf

DISTANCES = (
    "euclidean2",
    "euclidean",
    "averaged_euclidean2",
    "averaged_euclidean",
    "normed_euclidean2",
    "inner_product",
    "cosine",
)
EPSILON = 1e-12  # inside of the roots: vectors of length 0 have finite gradients


def distance(x, y, *, kind):
    """Distances of vectors, along the last axis; the other axes are broadcast.

    Args:
        x, y: `[..., dim]` float.
        kind: "euclidean2" is squared, "averaged_" takes the mean over the dimensions in place of
            the sum, "normed_" is of vectors of length 1, "inner_product" is minus the product,
            "cosine" half of one minus the cosine.
    Returns:
        `[...]` of their dtype.
    Original: distance/tfversion.py, which has no epsilon in its roots.
    """
    if kind == "inner_product":
        return -tf.reduce_sum(x * y, axis=-1)
    if kind == "cosine":
        return (1 - tf.reduce_sum(_normed(x) * _normed(y), axis=-1)) / 2
    if kind.startswith("normed_"):
        x, y, kind = _normed(x), _normed(y), kind.removeprefix("normed_")
    mean = tf.reduce_mean if kind.startswith("averaged_") else tf.reduce_sum
    squared = mean(tf.square(x - y), axis=-1)
    return squared if kind.endswith("2") else tf.sqrt(squared + EPSILON)


def _normed(x):
    return x / tf.sqrt(tf.reduce_sum(tf.square(x), axis=-1, keepdims=True) + EPSILON)


def hinge(anchor, positive, negative, *, margin, kind):
    """Mean over triplets of max(0, d(anchor, positive) - d(anchor, negative) + margin).

    Args:
        anchor, positive, negative: `[triplets, dim]` float.
        margin: in units of the distance.
        kind: of the distance, one of `DISTANCES`.
    Returns:
        Scalar of their dtype, >= 0.
    Original: DTQ.triplet_loss.
    """
    near = distance(anchor, positive, kind=kind)
    far = distance(anchor, negative, kind=kind)
    return tf.reduce_mean(tf.maximum(near - far + margin, 0))
