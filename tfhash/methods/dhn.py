"""Deep hashing network: codes by the cross-entropy of pairs.

Reference: Zhu et al., AAAI 2016. Original: thulab/DeepHash, model/dhn/.
"""

import dataclasses

from tfhash import checks
from tfhash.losses import pairwise
from tfhash.methods import _deephash

LOSSES = ("normed_cross_entropy", "cross_entropy")


@dataclasses.dataclass(frozen=True)
class Config(_deephash.IterationConfig):
    """Settings; the defaults are those of the original's examples/dhn/."""

    batch_size: int = 256
    val_batch_size: int = 100
    learning_rate: float = 0.00005
    decay_step: int = 5000
    decay_factor: float = 0.5
    alpha: float = 10.0  # scale of the products of outputs
    cq_lambda: float = 0.0  # weight of the distance of outputs from -1 and 1
    loss_type: str = "normed_cross_entropy"  # cosines, or inner products: cross_entropy

    def __post_init__(self):
        super().__post_init__()
        checks.positive(self, "alpha")
        checks.at_least(self, 0, "cq_lambda")
        if self.loss_type not in LOSSES:
            raise ValueError(
                f"Expected `loss_type` to be one of {LOSSES}. Received: {self.loss_type!r}."
            )


class Method(_deephash.BinaryMethod):
    """DHN: logistic cross-entropy over the pairs of a batch."""

    name = "dhn"
    dataset_defaults = {
        # By cosines a small network without weights to start from falls to one output for all.
        "digits": _deephash.DIGITS
        | {
            "iter_num": 200,
            "learning_rate": 0.001,
            "alpha": 0.5,
            "loss_type": "cross_entropy",
        }
    }

    def losses(self, outputs, batch):
        config, u = self.config, outputs["images"]
        pairs = pairwise.logistic_cross_entropy(
            u, batch.labels["images"], alpha=config.alpha,
            normed=config.loss_type == "normed_cross_entropy",
        )  # fmt: skip
        return {"pairs": pairs, "quantization": config.cq_lambda * pairwise.sign_penalty(u)}
