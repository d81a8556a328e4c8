"""Deep quantization network: composite codes of outputs whose cosines tell the labels apart.

Reference: Cao et al., AAAI 2016. Original: thulab/DeepHash, model/dqn/.
"""

import dataclasses
import typing

from tfhash.losses import cosine, reconstruction
from tfhash.methods import _composite, _deephash


@dataclasses.dataclass(frozen=True)
class Config(_composite.Config):
    """Settings; the defaults are those of the original's examples/dqn/."""

    output_dim: int = 300
    batch_size: int = 256
    val_batch_size: int = 100
    learning_rate: float = 0.002
    decay_step: int = 500
    decay_factor: float = 0.5
    iter_num: int = _deephash.iterations(5000)

    datasets: typing.ClassVar[dict] = {
        "digits": _deephash.DIGITS
        | {"output_dim": 64, "n_subcenter": 32, "iter_num": 450, "learning_rate": 0.0002},
        "embeddings": {"output_dim": 64, "iter_num": 500},
    }


class Method(_deephash.Method):
    """DQN: squared error of the cosines of all pairs, and the distance from the codes."""

    def build_head(self):
        head = _composite.head(self)
        self.training = _composite.ScheduledCodes(head, self.config, self.update)
        self.hooks.append(self.training)
        return head

    def losses(self, outputs, batch):
        u = outputs["images"]
        decoded = self.training.decoded(batch.positions["images"], u.dtype)
        error = reconstruction.squared_error(u, decoded)
        return {
            "pairs": cosine.squared_difference(u, batch.labels["images"]),
            "quantization": self.training.weight(u.dtype) * error,
        }

    def update(self, outputs, number):
        """New centres by k-means, then codes. The original never calls its least squares."""
        for again in range(self.config.max_iter_update_Cb):
            seed = (self.seed, number, again)
            centers = self.head.initial_centers(outputs, seed=seed)
            numbers = self.head.assign(outputs, centers, seed=seed)
        return numbers, centers
