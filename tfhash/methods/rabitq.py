"""RaBitQ: a bit for each rotated principal component, and two floats for each item.

Reference: Gao & Long, RaBitQ, SIGMOD 2024.
"""

import dataclasses

from tfhash import config as settings
from tfhash.config import setting
from tfhash.heads.fitted import RaBits
from tfhash.methods import _fitted
from tfhash.retrieval.rabitq import FACTORS


@dataclasses.dataclass(frozen=True)
class Config(_fitted.Config):
    """Settings."""

    dimensions: int = setting(
        64,
        f"Principal components, a bit each; the two floats of an item take {FACTORS} bits more.",
        least=1,
        most=settings.WIDEST,
    )

    @property
    def bits(self):
        return self.dimensions + FACTORS

    @classmethod
    def of_bits(cls, bits, values):
        if bits <= FACTORS:
            raise ValueError(
                f"Expected --bits over {FACTORS}, which the two floats of an item take. Received: "
                f"{bits}. Use --bits={FACTORS + 8}."
            )
        return {"dimensions": bits - FACTORS}


class Method(_fitted.Method):
    """Codes of FAISS' IndexRaBitQ, compared with float queries."""

    def build_head(self):
        return RaBits(self.config.dimensions)
