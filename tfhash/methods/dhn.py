"""Deep hashing network: codes by the cross-entropy of pairs.

Reference: Zhu et al., AAAI 2016. Original: thulab/DeepHash, model/dhn/.
"""

import dataclasses
import typing

from tfhash.config import setting
from tfhash.losses import pairwise
from tfhash.methods import _deephash

LOSSES = ("normed_cross_entropy", "cross_entropy")


@dataclasses.dataclass(frozen=True)
class Config(_deephash.Config):
    """Settings; the defaults are those of the original's examples/dhn/."""

    batch_size: int = 256
    val_batch_size: int = 100
    learning_rate: float = 0.00005
    decay_step: int = 5000
    decay_factor: float = 0.5
    iter_num: int = _deephash.iterations(2000)
    alpha: float = setting(10.0, "Scale of the products of outputs in the loss.", over=0)
    cq_lambda: float = setting(0.0, "Weight of the distance of outputs from -1 and 1.", least=0)
    loss_type: str = setting(
        LOSSES[0],
        "normed_cross_entropy (cosines) or cross_entropy (inner products).",
        choices=LOSSES,
    )

    datasets: typing.ClassVar[dict] = {
        # By cosines a small network without weights to start from falls to one output for all.
        "digits": _deephash.DIGITS
        | {"iter_num": 200, "learning_rate": 0.001, "alpha": 0.5, "loss_type": LOSSES[1]},
        "embeddings": {"iter_num": 1000},
    }


class Method(_deephash.Method):
    """DHN: logistic cross-entropy over the pairs of a batch."""

    def losses(self, outputs, batch):
        config, u = self.config, outputs["images"]
        scale = {"alpha": config.alpha, "normed": config.loss_type == LOSSES[0]}
        pairs = pairwise.logistic_cross_entropy(u, batch.labels["images"], **scale)
        return {"pairs": pairs, "quantization": config.cq_lambda * pairwise.sign_penalty(u)}
