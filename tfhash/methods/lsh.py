"""LSH: the signs of a random rotation, or of random directions where there are more bits.

Reference: Charikar, Similarity Estimation Techniques from Rounding Algorithms, STOC 2002.
"""

from tfhash.heads.fitted import Projected
from tfhash.methods import _fitted
from tfhash.quantization import rotations

Config = _fitted.BitsConfig


class Method(_fitted.Method):
    """The signs of random directions; FAISS' IndexLSH."""

    def build_head(self):
        return Projected(self.config.bits, self._fit, wider=True)

    def _fit(self, features, bits, seed):
        return rotations.lsh(features.shape[1], bits, seed=seed)
