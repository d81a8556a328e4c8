"""RaBitQ: a bit for each rotated principal component, and two floats for each item.

Reference: Gao & Long, RaBitQ, SIGMOD 2024.
"""

import dataclasses

from tfhash import config as settings
from tfhash.config import setting
from tfhash.heads.fitted import RaBits
from tfhash.methods import _fitted


@dataclasses.dataclass(frozen=True)
class Config(_fitted.Config):
    """Settings."""

    bits: int = setting(
        128,
        "Length of a code in bits, 64 of which are the two floats of an item.",
        least=1,
        most=settings.WIDEST,
    )


class Method(_fitted.Method):
    """Codes of FAISS' IndexRaBitQ, compared with float queries."""

    def build_head(self):
        return RaBits(self.config.bits)
