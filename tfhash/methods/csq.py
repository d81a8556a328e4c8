"""Central similarity quantization: outputs near a fixed centre of their class, far from others.

Reference: Yuan et al., CVPR 2020. Original: yuanli2333/Hadamard-Matrix-for-hashing.
"""

import dataclasses
import typing

import numpy as np
import scipy.linalg

from tfhash.config import setting
from tfhash.heads.signs import Signs
from tfhash.lazy import keras, tf
from tfhash.methods import _torchvision
from tfhash.training import optimizers

DIGITS = {"img_model": "fixed_vgg", "bits": 32, "batch_size": 50, "epochs": 12, "save_every": 4}
DIGITS |= {"backbone_rate": 1.0, "resize_size": 0, "crop_size": 16, "crop_share": 0.8}
DIGITS |= {"flip": False}


@dataclasses.dataclass(frozen=True)
class Config(_torchvision.Config):
    """Settings; the defaults are those of the original's README and options.py."""

    bits: int = setting(64, "Length of a code in bits.", least=1, most=4096)
    img_model: str = "ResNet50"
    batch_size: int = 64
    epochs: int = setting(90, "Passes over the labelled images.", least=1, resume=True)
    learning_rate: float = setting(0.001, "Of Adam, for the last layer.", over=0)
    backbone_rate: float = setting(0.01, "Of the learning rate, for the backbone.", least=0)
    decay_steps: int = setting(1562, "Steps to a fall of the rate: ten epochs there.", least=1)
    decay_rate: float = setting(0.7, "What the learning rate is multiplied by then.", over=0)
    quantization: float = setting(0.05, "Weight of the distance from -1 and 1.", least=0)

    datasets: typing.ClassVar[dict] = {"digits": DIGITS, "folder": {"upright": True}}


class Method(_torchvision.Method):
    """CSQ: cross-entropy of each bit with its centre's. Departure: one linear layer, not three."""

    def build_head(self):
        return Signs(self.linear(self.config.bits))

    def build_weights(self):
        rows = centers(self.num_classes, self.config.bits, np.random.default_rng(self.seed))
        options = {"dtype": self.wide, "trainable": False, "name": "centers"}
        return {"centers": keras.Variable(rows, **options)}

    def optimizer(self):
        decay = (self.config.learning_rate, self.config.decay_steps, self.config.decay_rate)
        schedule = keras.optimizers.schedules.ExponentialDecay(*decay, staircase=True)
        slow = self.config.backbone_rate
        return optimizers.Adam(
            schedule, factors=lambda v: 1 if self.backbone.is_linear(v) else slow
        )

    def losses(self, outputs, batch):
        u = outputs["images"]
        *rows, ties = tf.unstack(tf.cast(self.weights["centers"], u.dtype))
        votes = batch.labels["images"] @ tf.stack(rows)  # of the centres of all classes of an image
        target = tf.where(votes == 0, ties, tf.sign(votes))
        error = self.config.quantization * tf.reduce_mean((tf.abs(tf.tanh(u)) - 1) ** 2)
        return {"centers": tf.reduce_mean(tf.nn.softplus(-2 * u * target)), "quantization": error}


def centers(count, bits, rng):
    """`[count + 1, bits]` of -1 and 1: Hadamard's rows or others far apart, and one for ties."""
    ties, rows, apart = rng.choice([-1.0, 1.0], (1, bits)), np.zeros((0, bits)), bits // 2 + 1
    if bits & (bits - 1) == 0 and count <= 2 * bits:
        half = scipy.linalg.hadamard(bits)
        rows = np.concatenate([half, -half])[:count]
    while len(rows) < count:
        for row in rng.choice([-1.0, 1.0], (1000, bits)):
            if len(rows) < count and (rows != row).sum(axis=1).min(initial=bits) >= apart:
                rows = np.concatenate([rows, row[None]])
        apart -= 1
    return np.concatenate([rows, ties]).astype(np.float32)
