"""RQ: each codebook quantizes what those before it leave.

Reference: Chen, Guan & Wang, Approximate Nearest Neighbor Search by Residual Vector Quantization,
Sensors 2010.
"""

from tfhash.heads.fitted import Sums
from tfhash.methods import _fitted
from tfhash.quantization import codebooks

Config = _fitted.WordsConfig


class Method(_fitted.Method):
    """Sums of words, compared with float queries; FAISS' ResidualQuantizer."""

    def build_head(self):
        sizes = self.config.codebooks, self.config.codeword_bits
        functions = codebooks.fit_residual, codebooks.residual_codes
        return Sums(*sizes, *functions, by_components=True)
