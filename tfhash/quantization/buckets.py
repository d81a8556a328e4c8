"""Buckets of an embedding without training: by k-means centres."""

import numpy as np

BLOCK = 8192  # rows at once


def centres(vectors, count, *, seed=0):
    """`[count, dim]` float32 k-means centres of `[n, dim]` vectors, the best of ten starts.

    Raises:
        ValueError: fewer vectors than centres.
    Original: maestrojeong/Deep-Hash-Table-ICML18, utils/sklearn_op.py; its scikit-learn made ten
        starts by default.
    """
    from sklearn import cluster

    if not 0 < count <= len(vectors):
        raise ValueError(
            f"Expected as many vectors as k-means centres or more. Received: {len(vectors)} "
            f"vectors, {count} centres."
        )
    model = cluster.KMeans(count, n_init=10, random_state=seed).fit(np.asarray(vectors))
    return model.cluster_centers_.astype(np.float32)


def closeness(vectors, centres):
    """`[n, dim]` vectors, `[count, dim]` centres -> `[n, count]` float32 minus squared distances.

    Original: maestrojeong/Deep-Hash-Table-ICML18, utils/sklearn_op.py, k_hash.
    """
    centres = np.asarray(centres, np.float64)
    lengths = (centres**2).sum(axis=1)
    result = np.empty((len(vectors), len(centres)), np.float32)
    for first in range(0, len(vectors), BLOCK):
        rows = slice(first, first + BLOCK)
        part = np.asarray(vectors[rows], np.float64)
        result[rows] = 2 * part @ centres.T - lengths - (part**2).sum(axis=1)[:, None]
    return np.minimum(result, 0)
