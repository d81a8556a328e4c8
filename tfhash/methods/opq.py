"""OPQ: product codes after a rotation that makes them lose least.

Reference: Ge, He, Ke & Sun, Optimized Product Quantization, CVPR 2013.
"""

from tfhash.heads.fitted import Products
from tfhash.methods import _fitted

Config = _fitted.WordsConfig


class Method(_fitted.Method):
    """Product codes, compared with float queries; FAISS' OPQMatrix and ProductQuantizer."""

    def build_head(self):
        return Products(self.config.codebooks, self.config.codeword_bits, rotated=True)
