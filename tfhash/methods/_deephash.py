"""What the methods of the DeepHash library share: settings, images, optimizer.

Original: thulab/DeepHash, architecture/__init__.py and the `apply_loss_function` of its models.
"""

import dataclasses
import functools

from tfhash import config as settings
from tfhash.backbones.base import Pixels
from tfhash.config import setting
from tfhash.data import augment
from tfhash.heads.signs import Signs
from tfhash.lazy import keras, tf
from tfhash.methods import base
from tfhash.training import optimizers

IMAGENET = Pixels((123.68, 116.779, 103.939), (58.0,) * 3)  # of backbones without one of their own
LAST_STD = 0.01  # of the initial weights of the last layer
RADIUS = 2  # bits, of the ball whose precision, recall and mAP the originals print
DIGITS = {  # settings of a training on digits
    "img_model": "fixed_vgg",
    "batch_size": 50,
    "val_batch_size": 256,
    "iter_num": 300,
    "flip": False,
}
iterations = functools.partial(setting, text="Steps of the training.", least=1, resume=True)


@dataclasses.dataclass(frozen=True)
class Config(settings.Config):
    """Settings of all; each method adds its own and its defaults."""

    output_dim: int = setting(
        64,
        "Width of the outputs; the bits of a code of DCH and DHN.",
        least=1,
        most=settings.WIDEST,
    )
    img_model: str = setting(
        "alexnet",
        "Backbone: alexnet (the original's, for images of 256 pixels), fixed_vgg, tiny.",
    )
    with_tanh: bool = setting(True, "Squash the outputs by tanh.")
    finetune_all: bool = setting(True, "Train all layers; else the last one alone.")
    batch_size: int = 128
    val_batch_size: int = setting(
        16, "Images encoded at once; AlexNet sees ten crops of each.", least=1
    )
    learning_rate: float = setting(
        0.005,
        "Of momentum 0.9; biases take 2, the last layer 10 and its bias 20 of it.",
        over=0,
    )
    decay_step: int = setting(10000, "Steps between two falls of the learning rate.", least=1)
    decay_factor: float = setting(0.1, "What the learning rate is multiplied by then.", over=0)
    flip: bool = setting(True, "Mirror half of the training images, drawn at random.")

    @property
    def bits(self):
        return self.output_dim

    @classmethod
    def of_bits(cls, bits, values):
        return {"output_dim": bits}

    def total_steps(self, steps_per_epoch):
        return self.iter_num


class Method(base.Method):
    """A loss on the outputs of Caffe's AlexNet, or of another backbone.

    A backbone that sees parts of larger images, as AlexNet does, sees in training one crop of
    each, drawn at random and mirrored or not; in the test the outputs of ten are averaged. The
    others see the whole image at the dataset's size, mirrored or not as the dataset allows.
    """

    @classmethod
    def input_of(cls, config):
        plain = super().input_of(config)
        pixels = plain.backbone.pixels or IMAGENET
        shared = {"pixels": pixels, "resize": "bilinear", "batch": config.val_batch_size}
        resized, (side, *_) = plain.backbone.resized, plain.backbone.sides or (None,)
        crops = {}
        if resized and resized > side:
            crops = {"sees": side, "views": functools.partial(ten_crops, side=side)}
        return dataclasses.replace(plain, side=resized, **crops, **shared)

    def build_head(self):
        names = {"by_codes": "mAP_after_sign", "by_outputs": "mAP_by_feature"}
        layer = self.linear(self.config.output_dim)
        squash = {"activation": self.activation, "missing": "skip"}
        return Signs(layer, radius=RADIUS, **names, **squash)

    @property
    def activation(self):
        """tanh, where the outputs are squashed, or None."""
        return tf.tanh if self.config.with_tanh else None

    def linear(self, width, initializer=None):
        start = keras.initializers.RandomNormal(stddev=LAST_STD)
        return super().linear(width, initializer or start)

    def build_network(self):
        network = super().build_network()
        if not self.config.finetune_all:
            for layer in network.layers:
                layer.trainable = layer.name == self.backbone.linear
        return network

    def optimizer(self):
        decay = (self.config.decay_step, self.config.decay_factor)
        schedule = keras.optimizers.schedules.ExponentialDecay(
            self.config.learning_rate, *decay, staircase=True
        )
        return optimizers.Momentum(schedule, 0.9, factors=self._factor)

    def _factor(self, path):
        """How many learning rates a variable takes."""
        rate = 2.0 if path.endswith("/bias") else 1.0
        return 10 * rate if self.backbone.is_linear(path) else rate

    def augment(self, images, seed):
        side = self.input.sees
        if side:
            images = augment.random_crops(images, side, seed, flip=self.config.flip)
        elif self.config.flip:
            images = augment.random_flip(images, seed)
        return self.input.prepare(images)


def ten_crops(images, side):
    """The crops of `[batch, height, height, channels]` images that a test averages.

    Five mirrored ones, then the same five plain: four corners and the centre. They leave out the
    last row and column, since the original's 28 is less than 256 - 227.
    """
    last = images.shape[1] - side - 1
    places = ((0, 0), (last, 0), (0, last), (last, last), (last // 2, last // 2))
    return [
        source[:, row : row + side, column : column + side]
        for source in (images[:, :, ::-1], images)
        for row, column in places
    ]
