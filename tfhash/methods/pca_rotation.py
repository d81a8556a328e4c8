"""PCA with a random rotation: bits that share the variance among them."""

from tfhash.heads.fitted import Projected
from tfhash.methods import _fitted
from tfhash.quantization import rotations

Config = _fitted.BitsConfig


class Method(_fitted.Method):
    """The signs of the rotated components; FAISS' PCAMatrix with `random_rotation`."""

    def build_head(self):
        return Projected(self.config.bits, self._fit)

    def _fit(self, features, bits, seed):
        return rotations.pca(features, bits, rotated=True)
