"""What binary codes make of their bits."""

import numpy as np


def ones(bits):
    """`[bits]`: the share of ones of each bit of `[n, bits]` 0/1."""
    return np.asarray(bits).mean(axis=0)


def entropy(bits):
    """`[bits]`: the entropy of each bit in bits, 0 (always the same) to 1 (evenly used)."""
    share = np.clip(ones(bits), 1e-12, 1 - 1e-12)
    return -(share * np.log2(share) + (1 - share) * np.log2(1 - share)) + 0.0


def balance(bits):
    """Mean over the bits of `[n, bits]` 0/1 of how evenly both occur, 0 (always the same) to 1."""
    share = ones(bits)
    return float(np.mean(np.minimum(share, 1 - share) * 2))


def distinct(words):
    """The number of different codes among packed `[n, words]`."""
    return len(np.unique(words, axis=0))


def sign_error(outputs):
    """Mean squared distance of outputs `[n, bits]` to their signs, in squared output units."""
    return float(np.mean((np.abs(outputs) - 1) ** 2))
