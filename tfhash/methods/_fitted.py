"""What methods without a gradient share: codes that FAISS fits to the features of a training part.

Such a method takes one step, which fits; so it is trained, tested, stopped and compared as others.
"""

import dataclasses
import typing

import numpy as np

from tfhash import config as settings
from tfhash.config import setting
from tfhash.lazy import keras, tf
from tfhash.methods import base


@dataclasses.dataclass(frozen=True)
class Config(settings.Config):
    """Settings of all."""

    img_model: str = setting("fixed_vgg", "Backbone whose features are coded; it is not trained.")
    fit_items: int = setting(
        100_000, "Training items that it is fitted to at most, drawn at random.", least=1
    )

    datasets: typing.ClassVar[dict] = {"embeddings": {"img_model": "identity"}}

    def total_steps(self, steps_per_epoch):
        return steps_per_epoch

    def largest_batch(self, labelled, unlabelled):
        return self.batch_size  # a step looks at no batch


@dataclasses.dataclass(frozen=True)
class BitsConfig(Config):
    """Settings of codes of bits."""

    bits: int = setting(64, "Length of a code in bits.", least=1, most=settings.WIDEST)


@dataclasses.dataclass(frozen=True)
class WordsConfig(Config):
    """Settings of codes of numbers of codewords."""

    codebooks: int = setting(8, "Codebooks; a code has a number for each.", least=1, most=4096)
    codeword_bits: int = setting(
        8, "Bits of such a number; a codebook has 2**codeword_bits codewords.", least=1, most=8
    )

    @property
    def bits(self):
        return self.codebooks * self.codeword_bits

    @classmethod
    def of_bits(cls, bits, values):
        each = values.get("codeword_bits", cls.codeword_bits)
        return {"codebooks": settings.parts(bits, each, "the bits of a codeword")}


class Method(base.Method):
    """Fits its head to the features of the training part, with labels or without."""

    def build_network(self):
        network = super().build_network()
        network.trainable = False
        return network

    def optimizer(self):
        return keras.optimizers.SGD(0.0)  # of nothing

    def steps_per_epoch(self, train):
        self.head.check_items(min(len(train), self.config.fit_items))
        return 1

    def batches(self, train, *, steps, seed, epoch):
        for _ in range(steps):
            yield {"images": np.arange(self.config.batch_size) % len(train)}

    def on_epoch_begin(self, epoch, train, encode):
        if epoch:
            return
        rows, most = np.arange(len(train)), self.config.fit_items
        if len(rows) > most:
            rows = np.sort(np.random.default_rng(self.seed).permutation(rows)[:most])
        self.head.fit(np.ascontiguousarray(encode(train.subset(rows))), seed=self.seed)

    def outputs(self, images):
        return {"images": self.network(images["images"], training=False)}

    def losses(self, outputs, batch):
        return {"fitted": tf.zeros([], outputs["images"].dtype)}
