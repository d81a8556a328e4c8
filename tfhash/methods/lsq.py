"""LSQ: sums of words, fitted by least squares and found by a local search.

Reference: Martinez, Zakhmi, Hoos & Little, LSQ++, ECCV 2018.
"""

from tfhash.heads.fitted import Sums
from tfhash.methods import _fitted
from tfhash.quantization import codebooks

Config = _fitted.WordsConfig


class Method(_fitted.Method):
    """Sums of words, compared with float queries; FAISS' LocalSearchQuantizer.

    Its search draws at random for all items of a call at once: the code of an item depends on
    those beside it, but in an index.
    """

    def build_head(self):
        sizes = self.config.codebooks, self.config.codeword_bits
        return Sums(*sizes, codebooks.fit_local_search, codebooks.local_search_codes, drawn=True)
