"""Deep Cauchy hashing: codes whose similar items lie within a small Hamming ball.

Reference: Cao et al., CVPR 2018. Original: thulab/DeepHash, model/dch/.
"""

import dataclasses

from tfhash import checks
from tfhash.losses import pairwise
from tfhash.methods import _deephash


@dataclasses.dataclass(frozen=True)
class Config(_deephash.IterationConfig):
    """Settings; the defaults are those of the original's examples/dch/train_val_script.py."""

    gamma: float = 20.0  # scale of the Cauchy distribution, in squared output units
    q_lambda: float = 0.0  # weight of the distance of outputs from -1 and 1

    def __post_init__(self):
        super().__post_init__()
        checks.positive(self, "gamma")
        checks.at_least(self, 0, "q_lambda")


class Method(_deephash.BinaryMethod):
    """DCH: cross-entropy of a Cauchy similarity over the pairs of a batch."""

    name = "dch"
    dataset_defaults = {"digits": _deephash.DIGITS}

    def losses(self, outputs, batch):
        u, labels = outputs["images"], batch.labels["images"]
        pairs = pairwise.cauchy_cross_entropy(u, labels, gamma=self.config.gamma)
        return {"pairs": pairs, "quantization": self.config.q_lambda * pairwise.sign_penalty(u)}
