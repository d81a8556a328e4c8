"""Generalized product quantization: semi-supervised codes from a few labelled images.

Reference: Jang & Cho, CVPR 2020. Original: youngkyunJang/GPQ, train.py, config.py, utils/.
"""

import dataclasses
import typing

from tfhash import config as settings
from tfhash.backbones.base import Pixels
from tfhash.config import setting
from tfhash.data import augment, samplers
from tfhash.heads.product import Product
from tfhash.lazy import keras, tf
from tfhash.losses import entropy, npair
from tfhash.methods import base
from tfhash.quantization import product

CIFAR10 = Pixels((125.642, 123.738, 114.46), (63.01, 62.157, 66.94))


@dataclasses.dataclass(frozen=True)
class Config(settings.Config):
    """Settings; the defaults are those of the original's config.py and train.py."""

    num_codebooks: int = setting(
        12, "Number of codebooks, the segments of a code.", least=1, most=settings.WIDEST
    )
    codeword_bits: int = setting(
        4, "Bits of a segment; a codebook has 2**codeword_bits codewords.", least=1, most=8
    )
    codeword_length: int = setting(12, "Dimensions of a codeword.", least=1, most=settings.WIDEST)
    alpha: float = setting(20.0, "Scale of the soft assignment.", over=0)
    beta: float = setting(4.0, "Scale of the classifier's input.", over=0)
    entropy_weight: float = setting(
        0.1, "Weight of the subspace entropy of unlabelled images.", least=0
    )
    classification_weight: float = setting(
        0.1, "Weight of the classification of labelled images.", least=0
    )
    learning_rate: float = setting(0.0002, "Of Adam, at the start.", over=0)
    decay_steps: int = setting(100, "Steps between two falls of the learning rate.", least=1)
    decay_rate: float = setting(0.95, "What the learning rate is multiplied by then.", over=0)
    epochs: int = setting(300, "Passes over the labelled images.", least=1, resume=True)
    batch_size: int = setting(
        500, "Labelled images of a step; as many unlabelled ones go with them."
    )
    save_every: int = 20
    img_model: str = setting("fixed_vgg", "Backbone: fixed_vgg (the original's), or another.")
    flip: bool = setting(True, "Mirror half of the training images, drawn at random.")
    crop_padding: int = setting(
        4, "Pixels of zeros around a training image before it is cropped at random.", least=0
    )

    datasets: typing.ClassVar[dict] = {
        "digits": {
            "batch_size": 64,
            "epochs": 24,
            "save_every": 6,
            "flip": False,
            "crop_padding": 2,
            "learning_rate": 0.0007,
            "decay_steps": 28,
            "decay_rate": 0.7,
        }
    }

    def __post_init__(self):
        super().__post_init__()
        if self.dim > settings.WIDEST:
            raise ValueError(
                f"Expected `num_codebooks` * `codeword_length` <= {settings.WIDEST}. "
                f"Received: {self.num_codebooks} * {self.codeword_length}."
            )

    @property
    def bits(self):
        return self.num_codebooks * self.codeword_bits

    @classmethod
    def of_bits(cls, bits, values):
        each = values.get("codeword_bits", cls.codeword_bits)
        return {"num_codebooks": settings.parts(bits, each, "the bits of a codeword")}

    def largest_batch(self, labelled, unlabelled):
        return min(labelled, unlabelled)  # a step takes as many of each

    @property
    def dim(self):
        """Width of the outputs."""
        return self.num_codebooks * self.codeword_length

    def model_name(self, method):
        return f"{self.bits}bits"


class Method(base.Method):
    """GPQ: N-pair product quantization on labelled, entropy minimax on unlabelled images."""

    streams = ("labelled", "unlabelled")

    @classmethod
    def input_of(cls, config):
        plain = super().input_of(config)
        return dataclasses.replace(plain, pixels=plain.backbone.pixels or CIFAR10)

    def build_head(self):
        config = self.config
        sizes = {"segments": config.num_codebooks, "bits": config.codeword_bits, "dim": config.dim}
        return Product(self.linear(config.dim), dtype=self.wide, **sizes)

    def build_weights(self):
        prototypes = keras.Variable(
            keras.initializers.GlorotUniform(),
            shape=(self.num_classes, self.config.dim),
            dtype=self.wide,
            name="prototypes",
        )
        return {"prototypes": prototypes}

    def optimizer(self):
        schedule = keras.optimizers.schedules.ExponentialDecay(
            self.config.learning_rate,
            self.config.decay_steps,
            self.config.decay_rate,
            staircase=True,
        )
        return keras.optimizers.Adam(schedule, beta_1=0.5, beta_2=0.999, epsilon=1e-8)

    def steps_per_epoch(self, train):
        samplers.check_labelled_unlabelled(train.labelled, self.config.batch_size)
        return super().steps_per_epoch(train)

    def batches(self, train, *, steps, seed, epoch):
        return samplers.labelled_unlabelled(
            train.labelled, self.config.batch_size, steps, seed=seed, epoch=epoch
        )

    def augment(self, images, seed):
        images = self.input.prepare(images)
        flip, crop = tf.unstack(tf.random.split(seed, 2))
        if self.config.flip:
            images = augment.random_flip(images, flip)
        return augment.random_crop(images, self.config.crop_padding, crop)

    def losses(self, outputs, batch):
        return composition(
            outputs["labelled"],
            outputs["unlabelled"],
            self.weights["codebooks"],
            self.weights["prototypes"],
            batch.labels["labelled"],
            self.config,
        )


def composition(labelled, unlabelled, codebooks, prototypes, labels, config):
    """The three weighted losses of one step.

    Args:
        labelled, unlabelled: `[batch, dim]` outputs of the network.
        codebooks: `[words, dim]`; prototypes: `[classes, dim]`.
        labels: `[batch, classes]` 0/1, of the labelled images.
        config: a `Config`.
    Returns:
        `{"pairs": ..., "classification": ..., "entropy": ...}` of scalars.
    Original: train.py, lines 13 to 30.
    """
    segments, beta = config.num_codebooks, config.beta
    prototypes = product.intra_normalize(prototypes, segments)
    codebooks = product.soft_assign(prototypes, codebooks, segments, alpha=config.alpha)
    x = product.intra_normalize(labelled, segments)
    # The entropy is lowered by the network and raised by the prototypes: a minimax game.
    x_unlabelled = product.intra_normalize(entropy.flip_gradient(unlabelled), segments)
    q = product.soft_assign(codebooks, x, segments, alpha=config.alpha)
    logits = product.segment_logits(x, prototypes, segments, scale=beta)
    unsure = product.segment_logits(x_unlabelled, prototypes, segments, scale=beta)
    targets = npair.pair_targets(labels)
    # Of an item with several classes each has the same share.
    classes = tf.math.divide_no_nan(labels, tf.reduce_sum(labels, axis=1, keepdims=True))
    return {
        "pairs": npair.product_quantization(x, q, targets, scale=segments),
        "classification": config.classification_weight * entropy.classification(logits, classes),
        "entropy": config.entropy_weight * entropy.negative_entropy(unsure),
    }
