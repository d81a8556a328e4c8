"""A method that is one file: nothing else in the project knows of it."""

import dataclasses

import keras
import tensorflow as tf

from tfhash import config as settings
from tfhash.config import setting
from tfhash.heads.signs import Signs
from tfhash.losses import pairwise
from tfhash.methods import base


@dataclasses.dataclass(frozen=True)
class Config(settings.Config):
    """Settings."""

    length: int = setting(12, "Length of a code in bits.", least=1)
    img_model: str = "tiny"
    epochs: int = setting(2, "Passes over the labelled images.", least=1, resume=True)
    gamma: float = setting(20.0, "Scale of the distances in squared output units.", over=0)

    @property
    def bits(self):
        return self.length


class Method(base.Method):
    """The loss of DCH, without anything else."""

    def build_head(self):
        return Signs(self.linear(self.config.length), activation=tf.tanh)

    def optimizer(self):
        return keras.optimizers.SGD(0.01)

    def losses(self, outputs, batch):
        pair = outputs["images"], batch.labels["images"]
        return {"pairs": pairwise.cauchy_cross_entropy(*pair, gamma=self.config.gamma)}
