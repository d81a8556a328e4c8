"""HashNet: codes by continuation, tanh(scale * output) with a scale that grows.

Reference: Cao et al., ICCV 2017. Original: thuml/HashNet, pytorch/src.
"""

import dataclasses
import typing

import numpy as np

from tfhash.config import WIDEST, Habits, setting
from tfhash.data import samplers
from tfhash.heads.signs import Signs
from tfhash.lazy import keras, tf
from tfhash.losses import weighted_pairs
from tfhash.methods import _torchvision
from tfhash.training import optimizers

HASH_FACTOR = 10.0  # of the learning rate of the last layer
MULTISTEPS = (80, 120)  # epochs at which the rate falls to a tenth
SCHEDULES = ("step", "inv", "multistep")


@dataclasses.dataclass(frozen=True)
class Config(_torchvision.Config):
    """Settings; the defaults are those of the original's train.py and README."""

    bits: int = setting(48, "Length of a code in bits.", least=1, most=WIDEST)
    img_model: str = setting(
        "ResNet50",
        "Backbone: AlexNet, VGG11 to VGG19 (VGG11BN: with batch normalisation), ResNet18 to "
        "ResNet152, or any other backbone.",
    )
    prefix: str = setting("hashnet", "Start of the name of the model directory.")
    similar_weight: float = setting(
        1.0,
        "Weight of a pair of images that share a class. The original's rule is (0s + 1s) / 1s of "
        "the labels to train with; its Caffe half has 1 for coco, 5 for nuswide_81, 100 for "
        "imagenet.",
        over=0,
    )
    # The loss that the original's train.py leaves unused.
    balanced: bool = setting(False, "Similar pairs and others count alike, whatever their numbers.")
    continous_similarity: bool = setting(
        False,
        "The Caffe half's gradient: times 8 s^2 / (s1 s2) for a similar pair that shares s of its "
        "s1 and s2 classes, times 2 for any other.",
    )
    sigmoid_factor: float = setting(
        10.0, "Divided by the bits: factor on inner products in the loss.", over=0
    )
    l_threshold: float = setting(15.0, "Product from which the loss is linear.")
    learning_rate: float = setting(
        0.0003,
        "Of the backbone; the last layer learns ten times as fast. The Caffe half has 0.00005 for "
        "coco and nuswide_81, 0.0002 for imagenet.",
        over=0,
    )
    lr_type: str = setting(
        "step", f"Schedule of the learning rate: {', '.join(SCHEDULES)}.", choices=SCHEDULES
    )
    lr_gamma: float = setting(0.5, "Factor of the schedule step; slope of inv.", least=0)
    lr_step: int = setting(
        2000,
        "Iterations between two changes of step; of an epoch of multistep, which falls to a tenth "
        "at epochs 80 and 120.",
        least=1,
    )
    lr_power: float = setting(0.75, "Exponent of the schedule inv.", least=0)
    weight_decay: float = setting(0.0005, "Times every variable, added to its gradient.", least=0)
    epochs: int = setting(
        10, "Length of the training in units of iterations_per_epoch.", least=1, resume=True
    )
    iterations_per_epoch: int = setting(
        1000, "Steps of such a unit; no pass over the data.", least=1
    )
    save_every: int = 3  # the original's snapshot_interval of 3000 iterations
    batch_size: int = setting(36, "Images of each of the two streams.")
    scale_step: int = setting(
        200, "Iterations between two changes of the scale before tanh.", least=1
    )
    scale_gamma: float = setting(
        0.005, "The scale is (1 + scale_gamma * iteration) ** scale_power.", least=0
    )
    scale_power: float = setting(0.5, "Exponent of the scale.", least=0)
    legacy_crops: bool = True
    # The original's test.py never calls eval(): a code depends on the batch and on dropout.
    encode_in_training_mode: bool = setting(
        False, "Test with batch statistics and dropout, as the original does.", test=True
    )

    datasets: typing.ClassVar[dict] = {
        "digits": {
            "img_model": "tiny",
            "similar_weight": 9.0,
            "learning_rate": 0.1,
            "epochs": 12,
            "iterations_per_epoch": 100,
            "save_every": 4,
            "resize_size": 0,
            "crop_size": 16,
            "crop_share": 0.8,
            "flip": False,
        },
        "folder": {"upright": True},
    }

    def __post_init__(self):
        super().__post_init__()
        if self.balanced and self.continous_similarity:
            raise ValueError(
                "Expected `balanced` or `continous_similarity`, each a loss of its own. "
                "Received both."
            )

    def model_name(self, method):
        return f"{self.prefix}_{self.bits}bits"

    @property
    def habits(self):
        return Habits(states_kept=None)  # all: --snapshot names any of them


class Method(_torchvision.Method):
    """HashNet: the weighted loss over the pairs of two streams of images."""

    streams = ("first", "second")

    def build_head(self):
        linear = self.linear(self.config.bits)
        # Unlike the original's, an encoding in training mode leaves the scale as it was saved.
        training = self.config.encode_in_training_mode
        return Signs(linear, activation=self.continued, missing="skip", training=training)

    def build_weights(self):
        fixed = {"trainable": False}
        return {
            "scale": keras.Variable(1.0, dtype=self.wide, name="scale", **fixed),
            "iter_num": keras.Variable(0, dtype="int64", name="iter_num", **fixed),
        }

    def continued(self, outputs):
        """tanh of the outputs times the present scale."""
        return tf.tanh(tf.cast(self.weights["scale"], outputs.dtype) * outputs)

    def on_step_begin(self, step):
        self.weights["iter_num"].assign(step + 1)
        if step == 0 or (step + 1) % self.config.scale_step == 0:
            self.weights["scale"].assign(continuation_scale(step + 1, self.config))

    def optimizer(self):
        return optimizers.Momentum(
            learning_rate(self.config),
            nesterov=True,
            l2=self.config.weight_decay,
            factors=lambda path: HASH_FACTOR if self.backbone.is_linear(path) else 1.0,
        )

    def steps_per_epoch(self, train):
        super().steps_per_epoch(train)  # checks that there are images for a batch
        return self.config.iterations_per_epoch

    def batches(self, train, *, steps, seed, epoch):
        items, size = np.flatnonzero(train.labelled), self.config.batch_size
        return samplers.two_streams(items, size, steps, seed=seed, first=epoch * steps)

    def outputs(self, images):
        both = tf.concat([images[stream] for stream in self.streams], axis=0)
        outputs = self.head.outputs(self.network(both, training=True))
        return dict(zip(self.streams, tf.split(outputs, len(self.streams))))

    def losses(self, outputs, batch):
        pairs = [outputs[stream] for stream in self.streams]
        pairs += [batch.labels[stream] for stream in self.streams]
        if self.config.balanced:
            return {"pairs": weighted_pairs.balanced_log_loss(*pairs)}
        graded = self.config.continous_similarity
        kind = weighted_pairs.graded_log_loss if graded else weighted_pairs.weighted_log_loss
        loss = kind(
            *pairs,
            sigmoid_param=self.config.sigmoid_factor / self.config.bits,
            l_threshold=self.config.l_threshold,
            similar_weight=self.config.similar_weight,
        )
        return {"pairs": loss}


def continuation_scale(iteration, config):
    """The factor before tanh in the training step `iteration`, counted from 1.

    It changes only at multiples of `scale_step`. Original: pytorch/src/network.py, forward.
    """
    changed = iteration // config.scale_step * config.scale_step
    return (1 + config.scale_gamma * changed) ** config.scale_power


def learning_rate(config):
    """The schedule of a `Config`. Original: pytorch/src/lr_schedule.py."""
    rate, gamma = config.learning_rate, config.lr_gamma
    if config.lr_type == "inv":
        return optimizers.Schedule(
            optimizers.inverse_decay, rate=rate, gamma=gamma, power=config.lr_power
        )
    if config.lr_type == "multistep":
        # The original's train.py can't call it; its unit is an epoch.
        boundaries = [config.lr_step * epoch for epoch in MULTISTEPS]
        return optimizers.Schedule(optimizers.multistep_decay, rate=rate, boundaries=boundaries)
    return optimizers.Schedule(optimizers.step_decay, rate=rate, gamma=gamma, every=config.lr_step)
