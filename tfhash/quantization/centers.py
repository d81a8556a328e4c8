"""Codes that stand for classes, far from each other."""

import numpy as np
import scipy.linalg


def separated(count, bits, rng):
    """`[count, bits]` of -1 and 1: Hadamard's rows where there are enough, else others far apart.

    Args:
        count: rows.
        bits: length of a row.
        rng: a NumPy generator.
    Reference: Yuan et al., CVPR 2020.
    """
    rows, apart = np.zeros((0, bits)), bits // 2 + 1
    if bits & (bits - 1) == 0 and count <= 2 * bits:
        half = scipy.linalg.hadamard(bits)
        rows = np.concatenate([half, -half])[:count]
    while len(rows) < count:
        for row in rng.choice([-1.0, 1.0], (1000, bits)):
            if len(rows) < count and (rows != row).sum(axis=1).min(initial=bits) >= apart:
                rows = np.concatenate([rows, row[None]])
        apart -= 1
    return rows.astype(np.float32)
