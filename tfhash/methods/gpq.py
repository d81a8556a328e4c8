"""Generalized product quantization: semi-supervised codes from a few labelled images.

Reference: Jang & Cho, CVPR 2020. Original: youngkyunJang/GPQ, train.py, config.py, utils/.
"""

import dataclasses
import os

import keras
import numpy as np
import tensorflow as tf

from tfhash import checks
from tfhash.backbones import build
from tfhash.data import augment, samplers
from tfhash.losses import entropy, npair
from tfhash.methods import base
from tfhash.originals.readers import mat, tf1
from tfhash.quantization import product
from tfhash.retrieval import codes

CHANNEL_MEAN = (125.642, 123.738, 114.46)  # of CIFAR-10, RGB, in 0..255
CHANNEL_STD = (63.01, 62.157, 66.94)


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings; the defaults are those of the original's config.py and train.py."""

    num_codebooks: int = 12  # segments of the feature (n_book)
    codeword_bits: int = 4  # bits per codebook; 2**codeword_bits codewords each (bn_word)
    codeword_length: int = 12  # dimensions of a segment (len_code)
    alpha: float = 20.0  # inverse temperature of the soft assignment
    beta: float = 4.0  # scale of features and prototypes before the classifier
    entropy_weight: float = 0.1  # of the subspace entropy (lam_1)
    classification_weight: float = 0.1  # of the cross-entropy (lam_2)
    learning_rate: float = 0.0002  # of Adam, at the start
    decay_steps: int = 100  # between two falls of the learning rate
    decay_rate: float = 0.95  # what it is multiplied by then
    epochs: int = 300  # passes over the labelled images (total_epochs)
    batch_size: int = 500  # labelled images a step, and as many unlabelled ones
    save_every: int = 20  # epochs between two saved states (save_term)
    img_model: str = "fixed_vgg"  # the backbone
    flip: bool = True  # mirrors half of the training images
    crop_padding: int = 4  # pixels of zeros around a training image before the random crop

    def __post_init__(self):
        counts = ("num_codebooks", "codeword_bits", "codeword_length")
        checks.at_least(self, 1, *counts, "epochs", "batch_size", "save_every", "decay_steps")
        checks.at_least(self, 0, "entropy_weight", "classification_weight", "crop_padding")
        checks.positive(self, "alpha", "beta", "learning_rate", "decay_rate")
        if self.codeword_bits > 8:
            raise ValueError(f"Expected `codeword_bits` <= 8. Received: {self.codeword_bits}.")

    @property
    def bits(self):
        """Length of a code in bits."""
        return self.num_codebooks * self.codeword_bits

    @property
    def dim(self):
        """Width of the feature."""
        return self.num_codebooks * self.codeword_length


class Method(base.Method):
    """GPQ: N-pair product quantization on labelled, entropy minimax on unlabelled images."""

    name = "gpq"
    streams = ("labelled", "unlabelled")
    dataset_defaults = {
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

    @staticmethod
    def model_name(config):
        return f"{config.bits}bits"

    def build_network(self):
        return build.build(self.config.img_model, self.config.dim, dtype=self.dtype)

    def build_weights(self):
        rows = {"codebooks": 2**self.config.codeword_bits, "prototypes": self.num_classes}
        wide = keras.DTypePolicy(self.dtype).variable_dtype
        return {
            name: keras.Variable(
                keras.initializers.GlorotUniform(),
                shape=(count, self.config.dim),
                dtype=wide,
                name=name,
            )
            for name, count in rows.items()
        }

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
        return int(train.labelled.sum()) // self.config.batch_size

    def batches(self, train, *, steps, seed, epoch):
        return samplers.labelled_unlabelled(
            train.labelled, self.config.batch_size, steps, seed=seed, epoch=epoch
        )

    def preprocess(self, images, seed):
        images = augment.normalize(images, CHANNEL_MEAN, CHANNEL_STD)
        if seed is None:
            return images
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

    def codes(self, outputs):
        segments = self.config.num_codebooks
        words = tf.convert_to_tensor(self.weights["codebooks"])
        blocks = np.array_split(outputs, max(1, len(outputs) // 65536))
        indices = [product.hard_assign(words, block, segments).numpy() for block in blocks]
        # The raw codebooks serve the query side, as in PQ_retrieval; only assignment normalises.
        books = product.split(words, segments).numpy().transpose(1, 0, 2)
        return codes.QuantizedCodes(np.concatenate(indices).astype(np.uint8), books)

    def evaluate(self, query, database, codes, scoring):
        return {"mAP": scoring.mean_average_precision(codes, query.outputs, query, database)}

    def code_statistics(self, codes):
        return {f"codebook_use/{number}": share for number, share in enumerate(codes.used())}

    def load_original(self, path):
        if os.fspath(path).endswith(".mat"):
            return self._load_mat(path)
        prefix = tf1.prefix_of(path)
        if prefix is None:
            raise ValueError(
                f"Expected a .mat file or a TF1 checkpoint (NAME.ckpt with NAME.ckpt.index "
                f"beside it). Received: {path}."
            )
        return self._load_checkpoint(prefix)

    def _load_mat(self, path):
        """ImageNet weights, as train.py reads them: all that trains in F but the last layer."""
        trainable = {id(variable) for variable in self.network.trainable_variables}
        wanted = {
            original_name(name): variable
            for name, variable in self.variables().items()
            if id(variable) in trainable and not name.startswith("dense/")
        }
        return _assign_found(wanted, mat.read(path), path)

    def _load_checkpoint(self, prefix):
        wanted = {original_name(name): variable for name, variable in self.variables().items()}
        arrays = tf1.read(prefix)
        missing = sorted(set(wanted) - set(arrays))
        if missing:
            raise ValueError(
                f"`{prefix}`: the model's variables {missing} are missing. Expected a checkpoint "
                "of the original GPQ."
            )
        # Adam's slots, and a flag that tflearn adds, are in every checkpoint of the original.
        arrays = {
            name: array
            for name, array in arrays.items()
            if "/Adam" not in name and name not in ("beta1_power", "beta2_power", "is_training")
        }
        return _assign_found(wanted, arrays, prefix)

    @classmethod
    def recognizes(cls, shapes):
        return {"Z", "C", "Fixed_VGG/dense/kernel"} <= set(shapes)

    @staticmethod
    def original_config(config, shapes):
        """`config` and the number of classes of a checkpoint with these variables."""
        words, dim = shapes["Z"]
        if dim != config.dim:
            raise ValueError(
                f"The checkpoint's codebooks are {dim} wide. Expected num_codebooks * "
                f"codeword_length. Received: {config.num_codebooks} * {config.codeword_length}. "
                "Give --num_codebooks and --codeword_length."
            )
        bits = int(words).bit_length() - 1
        return dataclasses.replace(config, codeword_bits=bits), shapes["C"][0]


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


def original_name(name):
    """The TF1 name of a variable of this method, such as Fixed_VGG/conv2d/kernel."""
    if name in ("codebooks", "prototypes"):
        return {"codebooks": "Z", "prototypes": "C"}[name]
    layer, _, leaf = name.partition("/")
    if leaf in ("biased", "local_step"):
        return f"Fixed_VGG/{layer}/Fixed_VGG/{layer}/moving_mean/{leaf}"
    return f"Fixed_VGG/{layer}/{leaf}"


def _assign_found(wanted, arrays, source):
    found = {name: arrays[name] for name in wanted if name in arrays}
    if not found:
        raise ValueError(
            f"`{source}` holds none of the model's variables. Expected names like "
            f"{next(iter(wanted))!r}. Found: {sorted(arrays)[:3]}."
        )
    checks.assign(wanted, found, source)
    lines = [f"{source}: {len(found)} of {len(wanted)} variables read"]
    for kind, names in (
        ("missing", set(wanted) - set(found)),
        ("unexpected", set(arrays) - set(found)),
    ):
        if names:
            lines.append(f"{source}: {kind}: {', '.join(sorted(names))}")
    return lines
