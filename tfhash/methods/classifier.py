"""A classifier: the code of an item is that of the class that softmax finds.

The honest opponent of supervised codes: it finds classes that it was trained on, and no others.
Reference: Sablayrolles et al., How should we evaluate supervised hashing?, ICASSP 2017.
"""

import dataclasses
import typing

import numpy as np

from tfhash import config as settings
from tfhash.config import setting
from tfhash.data import augment
from tfhash.heads.classes import Classes
from tfhash.lazy import keras, tf
from tfhash.losses import entropy
from tfhash.methods import base
from tfhash.quantization import centers

DIGITS = {"batch_size": 50, "epochs": 12, "save_every": 4, "flip": False, "crop_padding": 2}


@dataclasses.dataclass(frozen=True)
class Config(settings.Config):
    """Settings."""

    bits: int = setting(64, "Length of the code of a class in bits.", least=1, most=4096)
    batch_size: int = 128
    epochs: int = setting(30, "Passes over the labelled images.", least=1, resume=True)
    learning_rate: float = setting(0.001, "Of Adam.", over=0)
    flip: bool = setting(True, "Mirror half of the training images, drawn at random.")
    crop_padding: int = setting(
        4, "Pixels of zeros around a training image before it is cropped at random.", least=0
    )

    datasets: typing.ClassVar[dict] = {"digits": DIGITS}


class Method(base.Method):
    """Softmax cross-entropy; the classes of an image with several share its weight."""

    def build_head(self):
        shape = (self.num_classes, self.config.bits)
        rows = centers.separated(*shape, np.random.default_rng(self.seed))
        return Classes(self.linear(self.num_classes), rows)

    def optimizer(self):
        return keras.optimizers.Adam(self.config.learning_rate)

    def augment(self, images, seed):
        options = {"flip": self.config.flip, "padding": self.config.crop_padding}
        return augment.flip_and_crop(self.input.prepare(images), seed, **options)

    def losses(self, outputs, batch):
        labels = batch.labels["images"]
        shares = tf.math.divide_no_nan(labels, tf.reduce_sum(labels, axis=1, keepdims=True))
        return {"classification": entropy.classification(outputs["images"], shares)}
