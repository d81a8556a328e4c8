"""The signs of the first features: one bit for each, without any fit.

The baseline of vectors whose first dimensions say most, and of binary quantization in engines.
"""

from tfhash.heads.fitted import FirstSigns
from tfhash.methods import _fitted

Config = _fitted.BitsConfig


class Method(_fitted.Method):
    """Signs, compared by their Hamming distance."""

    def build_head(self):
        return FirstSigns(self.config.bits)
