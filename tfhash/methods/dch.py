"""Deep Cauchy hashing: codes whose similar items lie within a small Hamming ball.

Reference: Cao et al., CVPR 2018. Original: thulab/DeepHash, model/dch/.
"""

import dataclasses
import typing

from tfhash.config import setting
from tfhash.losses import pairwise
from tfhash.methods import _deephash


@dataclasses.dataclass(frozen=True)
class Config(_deephash.Config):
    """Settings; the defaults are those of the original's examples/dch/train_val_script.py."""

    iter_num: int = _deephash.iterations(2000)
    gamma: float = setting(
        20.0, "Scale of the Cauchy distribution, in squared output units.", over=0
    )
    q_lambda: float = setting(0.0, "Weight of the distance of outputs from -1 and 1.", least=0)

    datasets: typing.ClassVar[dict] = {
        "digits": _deephash.DIGITS,
        "embeddings": {"iter_num": 1000},
    }


class Method(_deephash.Method):
    """DCH: cross-entropy of a Cauchy similarity over the pairs of a batch."""

    def losses(self, outputs, batch):
        u, labels = outputs["images"], batch.labels["images"]
        pairs = pairwise.cauchy_cross_entropy(u, labels, gamma=self.config.gamma)
        return {"pairs": pairs, "quantization": self.config.q_lambda * pairwise.sign_penalty(u)}
