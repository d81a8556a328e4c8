"""PCA: the signs of the principal components."""

from tfhash.heads.fitted import Projected
from tfhash.methods import _fitted
from tfhash.quantization import rotations

Config = _fitted.BitsConfig


class Method(_fitted.Method):
    """The signs of the first `bits` components; FAISS' PCAMatrix."""

    def build_head(self):
        return Projected(self.config.bits, lambda x, bits, seed: rotations.pca(x, bits))
