"""What the methods of the DeepHash library share: images, optimizer, weight files, evaluation.

Original: thulab/DeepHash, architecture/__init__.py and the `apply_loss_function` of its models.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tfhash import checks
from tfhash.backbones import build, caffe_alexnet
from tfhash.data import augment, samplers
from tfhash.methods import base
from tfhash.originals.readers import npy
from tfhash.retrieval import codes as kinds
from tfhash.training import optimizers

SIDE = 256  # pixels of the images that are cropped for AlexNet
CROPS = ((0, 0), (28, 0), (0, 28), (28, 28), (14, 14))  # rows and columns of the test's crops
PIXEL_STD = 58.0  # of ImageNet's pixels; divides the images of the other backbones
DIGITS = {  # settings of a training on digits
    "img_model": "fixed_vgg",
    "batch_size": 50,
    "val_batch_size": 256,
    "iter_num": 300,
    "flip": False,
}
RADIUS = 2  # bits, of the ball whose precision, recall and mAP the originals print
TOPS = {"cifar10": 54000, "nuswide_81": 5000, "coco": 5000, "nuswide_21": 5000, "imagenet": 5000}


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of all; each method adds its own and its defaults."""

    output_dim: int = 64  # width of the output; bits of the binary methods
    img_model: str = "alexnet"  # the backbone
    with_tanh: bool = True  # squashes the output
    finetune_all: bool = True  # False trains the last layer alone
    batch_size: int = 128
    val_batch_size: int = 16  # images encoded at once, in ten crops each
    learning_rate: float = 0.005  # of momentum 0.9; the biases take 2, the last layer 10 and 20
    decay_step: int = 10000  # steps between two falls of the learning rate
    decay_factor: float = 0.1  # of such a fall
    save_every: int = 10  # epochs between two saved states
    flip: bool = True  # mirrors half of the training images

    def __post_init__(self):
        checks.at_least(
            self, 1, "output_dim", "batch_size", "val_batch_size", "decay_step", "save_every"
        )
        checks.positive(self, "learning_rate", "decay_factor")


@dataclasses.dataclass(frozen=True)
class IterationConfig(Config):
    """Settings of the methods whose length is a number of steps."""

    iter_num: int = 2000  # steps of the training

    def __post_init__(self):
        super().__post_init__()
        checks.at_least(self, 1, "iter_num")


def resize(image, size):
    """An `[h, w, 3]` uint8 image at `size` = (height, width) as `cv2.resize` makes it: bilinear."""
    import cv2

    if image.shape[:2] == tuple(size):
        return image
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)


class Method(base.Method):
    """A loss on the outputs of Caffe's AlexNet, or of another backbone.

    AlexNet sees crops of 227 of 256 pixels: in training one of each image, drawn at random and
    mirrored or not; in the test the mean of the outputs of ten. The other backbones see the
    whole image at the dataset's size, mirrored or not as the dataset allows.
    """

    tops = TOPS
    resize = staticmethod(resize)
    changeable = ("iter_num", "epochs", "save_every")

    @property
    def encode_batch(self):
        """Images encoded at once."""
        return self.config.val_batch_size

    @property
    def crops(self):
        """Whether the network sees crops of an image, as AlexNet does."""
        return self.config.img_model == "alexnet"

    @staticmethod
    def image_size(config):
        return SIDE if config.img_model == "alexnet" else None

    def build_network(self):
        config = self.config
        network = build.build(config.img_model, config.output_dim, dtype=self.dtype)
        last = network.layers[-1]
        if not self.crops:  # AlexNet's starts like this anyway
            start = keras.initializers.RandomNormal(stddev=caffe_alexnet.LAST_STD)
            last.kernel.assign(start(last.kernel.shape))
        if not config.finetune_all:
            for layer in network.layers[:-1]:
                layer.trainable = False
        return network

    def optimizer(self):
        schedule = keras.optimizers.schedules.ExponentialDecay(
            self.config.learning_rate, self.config.decay_step, self.config.decay_factor,
            staircase=True,
        )  # fmt: skip
        return optimizers.Momentum(schedule, 0.9, factors=self._factor)

    def _factor(self, path):
        """How many learning rates a variable takes."""
        layer, _, leaf = path.partition("/")
        rate = 2.0 if leaf == "bias" else 1.0
        return 10 * rate if layer == self.network.layers[-1].name else rate

    def total_steps(self, steps_per_epoch):
        return self.config.iter_num

    def steps_per_epoch(self, train):
        count = int(train.labelled.sum())
        samplers.check_filled("labelled", count, self.config.batch_size)
        return count // self.config.batch_size

    def batches(self, train, *, steps, seed, epoch):
        labelled = np.flatnonzero(train.labelled)
        drawn = samplers.shuffled(
            len(labelled), self.config.batch_size, steps, seed=seed, epoch=epoch
        )
        for batch in drawn:
            yield {"images": labelled[batch["images"]]}

    def preprocess(self, images, seed):
        if not self.crops:
            if seed is not None and self.config.flip:
                images = augment.random_flip(images, seed)
            return augment.normalize(images, caffe_alexnet.MEAN, (PIXEL_STD,) * 3)
        if tuple(images.shape[1:3]) != (SIDE, SIDE):
            raise ValueError(
                f"Expected images of {SIDE}x{SIDE} pixels for the backbone alexnet. Received: "
                f"{images.shape[1]}x{images.shape[2]}. Leave --image_size out."
            )
        if seed is not None:
            images = augment.random_crops(images, caffe_alexnet.SIDE, seed, flip=self.config.flip)
        return augment.normalize(images, caffe_alexnet.MEAN)

    def outputs(self, images):
        return {name: self.activate(one) for name, one in super().outputs(images).items()}

    def activate(self, outputs):
        """The outputs of the network after tanh, where they are squashed."""
        return tf.tanh(outputs) if self.config.with_tanh else outputs

    def embed(self, images):
        if not self.crops:
            return self.activate(self.network(images, training=False))
        outputs = self.activate(self.network(ten_crops(images), training=False))
        return tf.reduce_mean(tf.reshape(outputs, [2 * len(CROPS), -1, outputs.shape[1]]), axis=0)

    # ---- weight files

    def load_original(self, path):
        if not self.crops:
            raise ValueError(
                f"Expected the backbone alexnet for `{path}`. "
                f"Received: img_model={self.config.img_model}."
            )
        arrays = npy.read(path)
        wanted = self._stored()
        # A published file has no last layer and no centres; that of a trained model has them.
        optional = {name for name in wanted if name.startswith("fc8/")} | set(self.weights)
        missing = sorted(set(wanted) - optional - set(arrays))
        if missing:
            raise ValueError(
                f"`{path}` lacks {', '.join(missing)}. Expected the layers conv1 to fc7 as "
                "{'conv1': [weights, biases], ...}."
            )
        _check_width(wanted["fc8/kernel"].shape[1], arrays, path)
        found = {name: arrays[name] for name in wanted if name in arrays}
        checks.assign(wanted, found, path)
        lines = [f"{path}: {len(found)} of {len(wanted)} variables read"]
        for kind, names in (("missing", set(wanted) - set(found)),
                            ("unexpected", set(arrays) - set(found))):  # fmt: skip
            if names:
                lines.append(f"{path}: {kind}: {', '.join(sorted(names))}")
        return lines

    def save_original(self, path):
        if not self.crops:
            raise ValueError(
                "Expected a model on the backbone alexnet, which the original's files are of. "
                f"Received: img_model={self.config.img_model}."
            )
        npy.write(path, {name: v.numpy() for name, v in self._stored().items()})

    def _stored(self):
        """`{name: variable}` of what a file of the original holds: no states of dropout."""
        return {n: v for n, v in self.variables().items() if not n.endswith("/draws")}

    @classmethod
    def recognizes(cls, shapes):
        layers = {*caffe_alexnet.LAYERS, "fc8"}
        return {f"{layer}/kernel" for layer in layers} <= set(shapes)

    @staticmethod
    def original_config(config, shapes):
        """`config` with the width in the file, and 10 classes, since a file names none."""
        width = int(shapes["fc8/kernel"][1])
        default = type(config)().output_dim
        if config.output_dim not in (default, width):
            raise ValueError(
                f"The file's outputs are {width} wide. Received: output_dim={config.output_dim}."
            )
        return dataclasses.replace(config, output_dim=width, img_model="alexnet"), 10


def ten_crops(images):
    """`[batch, 256, 256, channels]` -> `[10 batch, 227, 227, channels]`: ten crops of each.

    Crop by crop: five mirrored ones, then the same five plain. They leave out the last row and
    column, since 28 is less than 256 - 227, as the original's do.
    """
    side = caffe_alexnet.SIDE
    return tf.concat(
        [
            source[:, row : row + side, column : column + side]
            for source in (images[:, :, ::-1], images)
            for row, column in CROPS
        ],
        axis=0,
    )


def _check_width(width, arrays, path):
    found = arrays["fc8/kernel"].shape[1] if "fc8/kernel" in arrays else width
    if found != width:
        raise ValueError(
            f"`{path}` has outputs {found} wide in fc8. Expected output_dim={width}. Give "
            f"--output_dim={found}, or a file without fc8 to start from."
        )


class BinaryMethod(Method):
    """A method whose codes are the signs of the outputs."""

    @classmethod
    def model_name(cls, config):
        return f"{cls.name}_{config.output_dim}bits"

    def codes(self, outputs):
        return kinds.BinaryCodes.from_signs(outputs)

    def queries(self, outputs):
        return self.codes(outputs)

    def evaluate(self, query, database, codes, scoring):
        """mAP at R by the inner product of the outputs, and by the Hamming distance of codes;
        precision, recall and mAP of the items within Hamming radius 2.

        A query without a relevant item among the first R is left out of the mean, as in the
        original's MAPs.
        """
        features, signs = kinds.FloatCodes(database.outputs), self.queries(query.outputs)
        parts = {"query": query, "database": database}
        return {
            "mAP_by_feature": scoring.mean_average_precision(
                features, query.outputs, missing="skip", **parts
            ),
            "mAP_after_sign": scoring.mean_average_precision(codes, signs, missing="skip", **parts),
        } | scoring.within_radius(
            kinds.RerankedCodes(codes, features),
            kinds.RerankedCodes(signs, kinds.FloatCodes(query.outputs)),
            radius=RADIUS,
            **parts,
        )

    def code_statistics(self, codes):
        share = codes.unpack().mean(axis=0)  # of ones, by bit
        return {"bits_balanced": float(np.mean(np.minimum(share, 1 - share) * 2))}
