"""The buckets of a hash table that each item lies in, as bits."""

import numpy as np

from tfhash.retrieval import base
from tfhash.retrieval.binary import BinaryCodes


class BucketCodes(BinaryCodes):
    """k of d buckets that each item lies in: bit j is bucket j.

    The Hamming distance is twice the number of buckets that are not shared.
    """

    kind = "buckets"

    def __init__(self, words, bits):
        super().__init__(words, bits)
        counts = np.bitwise_count(self.words).sum(axis=1)
        if len(self) and counts.min() != counts.max():
            raise ValueError(
                "Expected every item in the same number of buckets. "
                f"Received: {counts.min()} to {counts.max()}."
            )

    @classmethod
    def from_values(cls, values, k):
        """The `k` largest of `[n, d]` values, always exactly k: the first ones of a tie.

        Original: maestrojeong/Deep-Hash-Table-ICML18, utils/np_op.py, activate_k_2D.
        """
        values = base.finite(values, "values")
        if not 0 < k <= values.shape[1]:
            raise ValueError(f"Expected `k` in 1 to {values.shape[1]} buckets. Received: {k}.")
        chosen = np.argsort(-values, axis=1, kind="stable")[:, :k]
        bits = np.zeros(values.shape, bool)
        np.put_along_axis(bits, chosen, True, axis=1)
        return cls.from_bits(bits)
