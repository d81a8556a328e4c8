"""ITQ: principal components, rotated so that their signs lose least.

Reference: Gong & Lazebnik, Iterative Quantization, CVPR 2011.
"""

from tfhash.heads.fitted import Projected
from tfhash.methods import _fitted
from tfhash.quantization import rotations

Config = _fitted.BitsConfig


class Method(_fitted.Method):
    """The signs of FAISS' ITQTransform."""

    def build_head(self):
        return Projected(self.config.bits, self._fit, normalized=True)

    def _fit(self, features, bits, seed):
        return rotations.itq(features, bits, seed=seed)
