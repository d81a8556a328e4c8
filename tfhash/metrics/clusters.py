"""How well buckets agree with labels."""

import numpy as np


def normalized_mutual_information(counts):
    """Mutual information of buckets and labels, over the mean of their two entropies; 0 to 1.

    Args:
        counts: `[buckets, labels]`, how often an item of a label lies in a bucket; an item in k
            buckets counts k times.
    Returns:
        A float; 1 where one bucket and one label hold everything.
    Raises:
        ValueError: nothing is counted, or a count is negative.
    Original: maestrojeong/Deep-Hash-Table-ICML18, utils/eval_op.py, get_nmi.
    """
    counts = np.asarray(counts, np.float64)
    if counts.ndim != 2 or not counts.sum() > 0 or (counts < 0).any():
        raise ValueError(
            "Expected `counts` [buckets, labels] of 0 or more, some of them over 0. "
            f"Received: {list(counts.shape)}, sum {counts.sum()}."
        )
    joint = counts / counts.sum()
    of_bucket, of_label = joint.sum(axis=1), joint.sum(axis=0)
    entropies = _entropy(of_bucket) + _entropy(of_label)
    if entropies == 0:
        return 1.0
    # Rounding may leave buckets that say nothing a little under 0.
    return max(0.0, float(2 * (entropies - _entropy(joint.ravel())) / entropies))


def _entropy(shares):
    shares = shares[shares > 0]
    return -(shares * np.log2(shares)).sum()
