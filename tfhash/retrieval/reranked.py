"""Binary codes whose ties are broken by features."""

import numpy as np

from tfhash.retrieval import base, order
from tfhash.retrieval.binary import BinaryCodes
from tfhash.retrieval.floats import FloatCodes


class RerankedCodes(base.Codes):
    """Binary codes with features that order the items of equal Hamming distance.

    Database and queries are both `RerankedCodes`. The distances are integers that only order.

    Args:
        codes: `BinaryCodes`.
        features: `FloatCodes` of the same items.
    Original: thulab/DeepHash, evaluation/__init__.py, get_mAPs_after_sign_with_feature_rerank.
    """

    kind = "reranked"

    def __init__(self, codes, features):
        if len(codes) != len(features):
            raise ValueError(
                f"Expected as many features as codes. Received: {len(features)}, {len(codes)}."
            )
        self.codes, self.features, self.bits = codes, features, codes.bits

    @classmethod
    def from_arrays(cls, words, bits, vectors, distance):
        return cls(BinaryCodes(words, bits), FloatCodes(vectors, distance))

    def __len__(self):
        return len(self.codes)

    def __getitem__(self, rows):
        return RerankedCodes(self.codes[rows], self.features[rows])

    @property
    def item_bytes(self):
        """Of the bits and of the features."""
        return self.codes.item_bytes + self.features.item_bytes

    def distances(self, queries):
        """`[q, n]` uint64: the Hamming distance above the order of the features' distance."""
        higher = order.ordered(self.features.distances(queries.features)).astype(np.uint64)
        return higher | self.codes.distances(queries.codes).astype(np.uint64) << np.uint64(32)

    def arrays(self):
        return self.codes.arrays() | self.features.arrays()
