"""HashNet: codes by continuation, tanh(scale * output) with a scale that grows.

Reference: Cao et al., ICCV 2017. Original: thuml/HashNet, pytorch/src.
"""

import dataclasses
import os

import keras
import numpy as np
import tensorflow as tf

from tfhash import checks, files
from tfhash.backbones import build
from tfhash.data import augment, pillow, samplers
from tfhash.losses import weighted_pairs
from tfhash.methods import base
from tfhash.originals.readers import keras_weights, pth
from tfhash.retrieval import codes
from tfhash.training import optimizers

CHANNEL_MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)  # of ImageNet, RGB, in 0..255
CHANNEL_STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)
HASH_FACTOR = 10.0  # of the learning rate of the last layer
MULTISTEPS = (80, 120)  # epochs at which the rate falls to a tenth
SCHEDULES = ("step", "inv", "multistep")


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings; the defaults are those of the original's train.py and README."""

    bits: int = 48  # length of a code (hash_bit)
    img_model: str = "ResNet50"  # the backbone (net)
    prefix: str = "hashnet"  # of the name of the model directory
    similar_weight: float = 1.0  # of a pair of images that share a class (class_num)
    balanced: bool = False  # similar pairs and others count alike; the loss train.py leaves unused
    sigmoid_factor: float = 10.0  # divided by bits: factor on inner products in the loss
    l_threshold: float = 15.0  # product from which the loss is linear
    learning_rate: float = 0.0003  # of the backbone; ten times as much for the last layer (lr)
    lr_type: str = "step"  # one of SCHEDULES
    lr_gamma: float = 0.5  # factor of "step"; slope of "inv" by iteration
    lr_step: int = 2000  # iterations between changes of "step"; of an epoch of "multistep"
    lr_power: float = 0.75  # exponent of "inv"
    weight_decay: float = 0.0005  # times every variable, added to its gradient
    epochs: int = 10  # units of iterations_per_epoch
    iterations_per_epoch: int = 1000  # not a pass over the data: the original counts iterations
    save_every: int = 3  # epochs between two saved states (snapshot_interval: 3000 iterations)
    batch_size: int = 36  # images of each of the two streams
    scale_step: int = 200  # iterations between changes of the continuation scale
    scale_gamma: float = 0.005  # scale = (1 + scale_gamma * iteration) ** scale_power
    scale_power: float = 0.5
    resize_size: int = 256  # side in pixels that images are resized to; 0: the dataset's own
    crop_size: int = 224  # side in pixels of what the network sees
    crop_share: float = 0.08  # smallest share of an image's area in a training crop
    flip: bool = True  # mirrors half of the training images
    # Pillow's default was "nearest" when the code was published; since Pillow 7 it is "bicubic".
    resample: str = "nearest"
    test_10crop: bool = False  # averages the outputs of ten crops
    # The original's test.py never calls eval(): a code depends on the batch and on dropout.
    encode_in_training_mode: bool = False

    def __post_init__(self):
        checks.at_least(self, 1, "bits", "epochs", "iterations_per_epoch", "save_every")
        checks.at_least(self, 1, "batch_size", "lr_step", "scale_step", "crop_size")
        checks.at_least(self, 0, "weight_decay", "lr_gamma", "lr_power", "scale_gamma")
        checks.at_least(self, 0, "scale_power", "resize_size")
        checks.positive(self, "similar_weight", "sigmoid_factor", "learning_rate", "crop_share")
        for name, known in (("lr_type", SCHEDULES), ("resample", pillow.FILTERS)):
            value = getattr(self, name)
            if value not in known:
                raise ValueError(f"Expected `{name}` to be one of {known}. Received: {value!r}.")
        if self.crop_share > 1:
            raise ValueError(f"Expected `crop_share` <= 1. Received: {self.crop_share}.")
        if 0 < self.resize_size < self.crop_size:
            raise ValueError(
                f"Expected `resize_size` >= crop_size={self.crop_size}, or 0. "
                f"Received: {self.resize_size}."
            )


class Method(base.Method):
    """HashNet: the weighted loss over the pairs of two streams of images."""

    name = "hashnet"
    streams = ("first", "second")
    tops = {"imagenet": 1000, "nuswide_81": 5000, "coco": 5000}
    original_dataset = "coco"
    states_kept = None  # all: --snapshot names any of them
    test_settings = ("resample", "test_10crop", "encode_in_training_mode")
    dataset_defaults = {
        "coco": {"data_dir": "data/coco"},
        "imagenet": {"data_dir": "data/imagenet"},
        "nuswide_81": {"data_dir": "data/nuswide_81"},
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
    }

    @classmethod
    def model_name(cls, config):
        return f"{config.prefix}_{config.bits}bits"

    @staticmethod
    def image_size(config):
        return config.resize_size or None

    @classmethod
    def resizer(cls, config):
        return pillow.resizer(config.resample)

    def build_network(self):
        network = build.build(self.config.img_model, self.config.bits, dtype=self.dtype)
        side = network.input_shape[1]
        if side not in (None, self.config.crop_size):
            raise ValueError(
                f"{self.config.img_model} takes images of {side} pixels. Received: "
                f"crop_size={self.config.crop_size}. Use --crop_size={side}, or a ResNet."
            )
        return network

    def build_weights(self):
        wide = keras.DTypePolicy(self.dtype).variable_dtype
        return {
            "scale": keras.Variable(1.0, dtype=wide, trainable=False, name="scale"),
            "iter_num": keras.Variable(0, dtype="int64", trainable=False, name="iter_num"),
        }

    def on_step_begin(self, step):
        self.weights["iter_num"].assign(step + 1)
        if step == 0 or (step + 1) % self.config.scale_step == 0:
            self.weights["scale"].assign(continuation_scale(step + 1, self.config))

    def optimizer(self):
        last = {variable.path for variable in self.network.layers[-1].variables}
        return optimizers.Momentum(
            learning_rate(self.config),
            nesterov=True,
            l2=self.config.weight_decay,
            factors=lambda path: HASH_FACTOR if path in last else 1.0,
        )

    def steps_per_epoch(self, train):
        samplers.check_filled("labelled", int(train.labelled.sum()), self.config.batch_size)
        return self.config.iterations_per_epoch

    def batches(self, train, *, steps, seed, epoch):
        items = np.flatnonzero(train.labelled)
        return samplers.two_streams(items, self.config.batch_size, steps, seed=seed, epoch=epoch)

    def preprocess(self, images, seed):
        size = self.config.crop_size
        if images.shape[1] != images.shape[2] or images.shape[1] < size:
            raise ValueError(
                f"Expected square images of at least crop_size={size} pixels. Received: "
                f"{list(images.shape[1:3])}. Use --resize_size."
            )
        if seed is not None:
            scale = (self.config.crop_share, 1.0)
            images = pillow.random_resized_crops(
                images, size, seed, scale=scale, flip=self.config.flip
            )
        elif not self.config.test_10crop:
            images = pillow.centre_crop(images, size)
        return augment.normalize(images, CHANNEL_MEAN, CHANNEL_STD)

    def outputs(self, images):
        both = tf.concat([images[stream] for stream in self.streams], axis=0)
        found = tf.split(self._continued(both, training=True), len(self.streams))
        return dict(zip(self.streams, found))

    def _continued(self, images, *, training):
        outputs = self.network(images, training=training)
        return tf.tanh(tf.cast(self.weights["scale"], outputs.dtype) * outputs)

    def embed(self, images):
        # Unlike the original's, an encoding in training mode leaves the scale as it was saved.
        training = self.config.encode_in_training_mode
        if not self.config.test_10crop:
            return self._continued(images, training=training)
        crops = pillow.ten_crops(images, self.config.crop_size)
        return tf.add_n([self._continued(crop, training=training) for crop in crops]) / len(crops)

    def losses(self, outputs, batch):
        pairs = [outputs[stream] for stream in self.streams]
        pairs += [batch.labels[stream] for stream in self.streams]
        if self.config.balanced:
            return {"pairs": weighted_pairs.balanced_log_loss(*pairs)}
        loss = weighted_pairs.weighted_log_loss(
            *pairs,
            sigmoid_param=self.config.sigmoid_factor / self.config.bits,
            l_threshold=self.config.l_threshold,
            similar_weight=self.config.similar_weight,
        )
        return {"pairs": loss}

    def codes(self, outputs):
        # An output of exactly 0 is bit 1; the original's sign(0) = 0 is neither.
        return codes.BinaryCodes.from_signs(outputs)

    def queries(self, outputs):
        return self.codes(outputs)

    def evaluate(self, query, database, codes, scoring):
        found = scoring.mean_average_precision(
            codes, self.queries(query.outputs), query, database, missing="skip"
        )
        return {"mAP": found}

    def report(self, query, database, codes, scoring, folder):
        """Writes sign codes and labels under the original's names, iter_09000_test_code.npy."""
        paths = []
        for part, encoded in (("database", database), ("test", query)):
            signs = np.where(encoded.outputs >= 0, 1, -1)
            for kind, array in (("code", signs), ("labels", encoded.labels)):
                name = f"iter_{int(self.weights['iter_num'].numpy()):05d}_{part}_{kind}.npy"
                paths.append(os.path.join(folder, name))
                with files.whole(paths[-1]) as partial:
                    np.save(partial, np.asarray(array, np.float32))
        return paths

    def load_original(self, path):
        if path == "keras":
            arrays = keras_weights.load(self.config.img_model)
            checks.assign(self._file_variables(), arrays, "keras.applications")
            return [f"keras.applications: {len(arrays)} variables read"]
        arrays, counts = pth.read(path)
        head = "hash_layer.weight" in arrays
        found = pth.fitting(self._file_variables(), arrays, path, head=head)
        checks.assign(self._file_variables(), found, path)
        for name, value in counts.items():
            self.weights[name].assign(value)
        kept = "" if head else "; the last layer is new"
        return [f"{path}: {len(found)} variables read{kept}"]

    def _file_variables(self):
        return {v.path: v for v in self.network.variables if not v.path.endswith("/draws")}

    @classmethod
    def recognizes(cls, shapes):
        return "hash_layer.weight" in shapes

    @staticmethod
    def original_config(config, shapes):
        """`config` for a snapshot; its classes are unknown, and not needed to encode."""
        name = pth.network_name(shapes)
        bits = shapes["hash_layer.weight"][0]
        return dataclasses.replace(config, bits=bits, img_model=name), 1


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
