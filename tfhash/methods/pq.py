"""PQ: the nearest of some words for each segment of a vector.

Reference: Jégou, Douze & Schmid, Product Quantization for Nearest Neighbor Search, PAMI 2011.
"""

from tfhash.heads.fitted import Products
from tfhash.methods import _fitted

Config = _fitted.WordsConfig


class Method(_fitted.Method):
    """Product codes, compared with float queries; FAISS' ProductQuantizer."""

    def build_head(self):
        return Products(self.config.codebooks, self.config.codeword_bits)
