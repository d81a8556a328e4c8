"""Deep quantization network: composite codes of outputs whose cosines tell the labels apart.

Reference: Cao et al., AAAI 2016. Original: thulab/DeepHash, model/dqn/.
"""

import dataclasses

import tensorflow as tf

from tfhash.losses import cosine, reconstruction
from tfhash.methods import _composite, _deephash


@dataclasses.dataclass(frozen=True)
class Config(_composite.Quantizer, _deephash.IterationConfig):
    """Settings; the defaults are those of the original's examples/dqn/."""

    output_dim: int = 300
    batch_size: int = 256
    val_batch_size: int = 100
    learning_rate: float = 0.002
    decay_step: int = 500
    decay_factor: float = 0.5
    iter_num: int = 5000


class Method(_composite.ScheduledMethod):
    """DQN: squared error of the cosines of all pairs, and the distance from the codes."""

    name = "dqn"
    dataset_defaults = {
        "digits": _deephash.DIGITS
        | {"output_dim": 64, "n_subcenter": 32, "iter_num": 450, "learning_rate": 0.0002}
    }

    def losses(self, outputs, batch):
        u = outputs["images"]
        decoded = self.decoded(u, batch.positions["images"])
        weight = tf.cast(self.state["cq_lambda"], u.dtype)
        return {
            "pairs": cosine.squared_difference(u, batch.labels["images"]),
            "quantization": weight * reconstruction.squared_error(u, decoded),
        }

    def update(self, outputs, number):
        """New centres by k-means, then codes. The original never calls its least squares."""
        for again in range(self.config.max_iter_update_Cb):
            seed = (self.seed, number, again)
            centers = self.initial_centers(outputs, seed=seed)
            codes = self.assign_codes(outputs, centers, seed=seed)
        return codes, centers
