"""The features as they are, compared by Euclidean distance: what no code needs to beat."""

import dataclasses
import typing

from tfhash.heads.fitted import Features
from tfhash.methods import _fitted


@dataclasses.dataclass(frozen=True)
class Config(_fitted.Config):
    """Settings."""

    sized: typing.ClassVar[bool] = False

    @property
    def bits(self):
        return 0  # 32 for each feature, which the backbone has

    @classmethod
    def of_bits(cls, bits, values):
        raise ValueError(
            "Floats have no --bits: they have 32 for each feature of --img_model. "
            f"Received: --bits={bits}."
        )

    def model_name(self, method):
        return method


class Method(_fitted.Method):
    """Floats."""

    def build_head(self):
        return Features()
