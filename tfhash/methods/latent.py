"""Latent hashing: a classifier with a narrow sigmoid layer before its logits, whose signs are bits.

Reference: Lin et al., Deep Learning of Binary Hash Codes for Fast Image Retrieval, CVPRW 2015.
Original: shashankiyer/Learning-bit-codes-for-images.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tfhash import checks
from tfhash.backbones import build, caffe_alexnet
from tfhash.data import augment, padded, samplers
from tfhash.losses import entropy
from tfhash.methods import base
from tfhash.metrics import average_precision
from tfhash.originals.readers import npy, pth, tf1
from tfhash.retrieval import bits, relevance, two_step
from tfhash.retrieval import codes as kinds

CONVOLUTIONS = ("conv1", "conv2", "conv3", "conv4", "conv5")
LAYERS = (*CONVOLUTIONS, "fc6", "fc7", "fclat", "fc8")  # of AlexNet, as files name them
HEAD = ("fc6", "fc7", "fclat", "fc8")  # what is trained where the backbone stays as it is
PIXEL_STD = 58.0  # of ImageNet's pixels; divides the images of the other backbones
MULTI_LABEL = ("last", "all")


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings; the defaults are those of the original's params.json and scripts."""

    bits: int = 48  # width of the latent layer
    img_model: str = "alexnet"  # the backbone
    finetune_all: bool = False  # trains the convolutions too
    load_fc: bool = False  # takes fc6 and fc7 of --pretrained too, which the original draws anew
    learning_rate: float = 0.01  # of plain gradient descent
    batch_size: int = 128
    epochs: int = 1250  # num_epochs
    max_steps: int = 10000  # ends the training before the last epoch
    keep_prob: float = 0.5  # share of fc6 and fc7 that dropout keeps
    image_size: int = 0  # pixels of a side; 0: 227 for alexnet, else the dataset's own
    legacy_resize: bool = True  # the resize of TensorFlow 1.15, which makes 32 pixels 226
    multi_label: str = "last"  # of an image's classes the last one counts; or all of them
    threshold: int = 12  # bits: the search takes items within it
    k: int = 120  # items that a search finds
    save_summary_steps: int = 50  # steps between two histograms of weights and gradients
    save_every: int = 10  # epochs between two saved states

    def __post_init__(self):
        checks.at_least(self, 1, "bits", "batch_size", "epochs", "max_steps", "k")
        checks.at_least(self, 1, "save_summary_steps", "save_every")
        checks.at_least(self, 0, "threshold", "image_size")
        checks.positive(self, "learning_rate", "keep_prob")
        if self.keep_prob > 1:
            raise ValueError(f"Expected `keep_prob` <= 1. Received: {self.keep_prob}.")
        if self.multi_label not in MULTI_LABEL:
            raise ValueError(
                f"Expected `multi_label` to be one of {MULTI_LABEL}. Received: "
                f"{self.multi_label!r}."
            )
        side = caffe_alexnet.SIDE
        if self.img_model == "alexnet" and self.image_size not in (0, side):
            raise ValueError(
                f"Expected `image_size` to be {side} for the backbone alexnet. Received: "
                f"{self.image_size}."
            )


class Method(base.Method):
    """Softmax cross-entropy on AlexNet or another backbone, with a latent layer.

    The outputs for retrieval are the features (fc7) and the latent layer side by side.
    """

    name = "latent"
    resumes = True
    pixel_dtype = np.float32
    encode_batch = 64
    changeable = ("epochs", "max_steps", "save_every", "save_summary_steps", "threshold", "k")
    test_settings = ("threshold", "k")
    dataset_defaults = {
        "digits": {
            "img_model": "fixed_vgg",
            "finetune_all": True,
            "batch_size": 50,
            "epochs": 10,
            "save_every": 5,
            "learning_rate": 0.05,
        }
    }

    @property
    def histograms_every(self):
        """Steps between two histograms."""
        return self.config.save_summary_steps

    @staticmethod
    def image_size(config):
        if config.img_model == "alexnet":
            return caffe_alexnet.SIDE
        return config.image_size or None

    @classmethod
    def resizer(cls, config):
        return padded.legacy_resize if config.legacy_resize else padded.resize

    def check_start(self, pretrained):
        if not self.config.finetune_all and not pretrained:
            raise ValueError(
                f"Expected --pretrained=FILE: the convolutions of {self.config.img_model} come "
                "from it and are not trained (bvlc_alexnet.npy, or a torchvision .pth file for "
                "its networks). Received none. Use --finetune_all to train them from scratch."
            )

    def build_network(self):
        config = self.config
        wide = keras.DTypePolicy(self.dtype).variable_dtype
        # The original draws the biases like the weights.
        start = {"kernel_initializer": "glorot_uniform", "bias_initializer": "glorot_uniform"}
        if config.img_model == "alexnet":
            images = keras.Input((caffe_alexnet.SIDE,) * 2 + (3,), name="images")
            features = caffe_alexnet.features(
                images, dtype=self.dtype, order="lrn_pool", dropout=1 - config.keep_prob,
                dense_options=start,
            )  # fmt: skip
        else:
            backbone = build.build(config.img_model, config.bits, dtype=self.dtype)
            images, features = backbone.input, backbone.layers[-1].input
        latent = keras.layers.Dense(
            config.bits, activation="sigmoid", dtype=wide, name="fclat", **start
        )(features)
        logits = keras.layers.Dense(self.num_classes, dtype=wide, name="fc8", **start)(latent)
        outputs = {"features": features, "latent": latent, "logits": logits}
        network = keras.Model(images, outputs, name="latent")
        for layer in network.layers:
            layer.trainable = config.finetune_all or layer.name in HEAD
        return network

    # ---- training

    def optimizer(self):
        return keras.optimizers.SGD(self.config.learning_rate)

    def total_steps(self, steps_per_epoch):
        return min(self.config.max_steps, self.config.epochs * steps_per_epoch)

    def steps_per_epoch(self, train):
        count = int(train.labelled.sum())
        samplers.check_filled("labelled", count, self.config.batch_size)
        return count // self.config.batch_size

    def batches(self, train, *, steps, seed, epoch):
        # Departure: all images are shuffled, not those of a buffer; a batch is of one epoch.
        items = np.flatnonzero(train.labelled)
        drawn = samplers.shuffled(len(items), self.config.batch_size, steps, seed=seed, epoch=epoch)
        for batch in drawn:
            yield {"images": items[batch["images"]]}

    def preprocess(self, images, seed):
        if self.config.img_model != "alexnet":
            return augment.normalize(images, caffe_alexnet.MEAN, (PIXEL_STD,) * 3)
        # BGR, as Caffe's weights expect; the padding becomes minus the mean.
        return augment.normalize(images, caffe_alexnet.MEAN)[..., ::-1]

    def outputs(self, images):
        # A backbone that stays as it is keeps its moving statistics too.
        training = self.config.finetune_all or self.config.img_model == "alexnet"
        return {"images": self.network(images["images"], training=training)["logits"]}

    def losses(self, outputs, batch):
        targets = self.targets(batch.labels["images"])
        return {"classification": entropy.classification(outputs["images"], targets)}

    def measures(self, outputs, batch):
        targets = self.targets(batch.labels["images"])
        return {"accuracy": accuracy(outputs["images"], targets)}

    def targets(self, labels):
        """`[n, classes]` 0/1 -> rows of sum 1: what the classifier should say."""
        if self.config.multi_label == "last":
            return last_class(labels)
        return labels / tf.maximum(tf.reduce_sum(labels, axis=1, keepdims=True), 1)

    # ---- retrieval

    def embed(self, images):
        found = self.network(images, training=False)
        wide = found["latent"].dtype
        return tf.concat([tf.cast(found["features"], wide), found["latent"]], axis=1)

    def codes(self, outputs):
        # 0.5 is bit 0, as TensorFlow rounds it.
        return kinds.BinaryCodes.from_bits(self._latent(outputs) > 0.5)

    def queries(self, outputs):
        return self.codes(outputs)

    def _latent(self, outputs):
        return outputs[:, -self.config.bits :]

    def _both(self, outputs):
        features = kinds.FloatCodes(outputs[:, : -self.config.bits], "euclidean")
        return kinds.RerankedCodes(self.codes(outputs), features)

    def evaluate(self, query, database, codes, scoring):
        """The precision of the search from coarse to fine, which the original prints as its
        accuracy; mAP by the Hamming distance; the classifier's accuracy on the queries."""
        query, database = (self._labelled(part) for part in (query, database))
        labels = (query.labels, database.labels)
        if scoring.relevant is not None:
            labels = (scoring.relevant, None)
        found = two_step.search(
            self._both(database.outputs), self._both(query.outputs),
            self.config.threshold, self.config.k,
        )  # fmt: skip
        return {
            "search_precision": listed_precision(found, relevance.Relevance(*labels)),
            "mAP": scoring.mean_average_precision(
                codes, self.queries(query.outputs), query, database
            ),
        } | self._accuracy(query)

    def _labelled(self, part):
        """`Encoded` with the classes that count."""
        if self.config.multi_label == "all":
            return part
        labels = last_class(part.labels).numpy()
        return dataclasses.replace(part, labels=labels)

    def _accuracy(self, query):
        """The classifier's accuracy; nothing on a dataset of other classes."""
        if query.labels.shape[1] != self.num_classes:
            return {}
        last = self.network.get_layer("fc8")
        logits = self._latent(query.outputs) @ last.kernel.numpy() + last.bias.numpy()
        return {"accuracy": float(accuracy(logits, self.targets(query.labels)))}

    def code_statistics(self, codes):
        return {"bit_entropy": float(bits.entropy(codes.unpack()).mean())}

    # ---- weight files

    def load_original(self, path):
        """Reads Caffe's .npy file or a checkpoint of the original, for the backbone alexnet, or
        torchvision's .pth file, for its networks."""
        read = self._caffe if self.config.img_model == "alexnet" else self._torchvision
        wanted, found = read(path)
        checks.assign(wanted, found, path)
        layers = ", ".join(sorted({name.split("/")[0] for name in found}))
        return [f"{path}: {len(found)} variables read: {layers}"]

    def _torchvision(self, path):
        wanted = self._stored(lambda layer: layer not in HEAD)
        return wanted, pth.fitting(wanted, pth.read(path)[0], path, head=False)

    def _caffe(self, path):
        checkpoint = tf1.prefix_of(path)
        if checkpoint:  # of a whole training
            layers, stored = LAYERS, tf1.read(checkpoint)
            arrays = {_our_name(name): array for name, array in stored.items()}
        else:
            arrays = npy.read(path)
            layers = (*CONVOLUTIONS, "fc6", "fc7") if self.config.load_fc else CONVOLUTIONS
        wanted = self._stored(lambda layer: layer in layers)
        missing = sorted(set(wanted) - set(arrays))
        if missing:
            raise ValueError(
                f"`{path}` lacks {', '.join(missing)}. Expected the layers {', '.join(layers)} "
                "with weights and biases."
            )
        return wanted, {name: arrays[name] for name in wanted}

    def _stored(self, chosen):
        """`{path: variable}` of the layers that are `chosen(name)`, as files hold them."""
        kept = (v for v in self.network.variables if not v.path.endswith("/draws"))
        return {v.path: v for v in kept if chosen(v.path.split("/")[0])}

    @classmethod
    def recognizes(cls, shapes):
        return {f"{layer}/weights" for layer in LAYERS} <= set(shapes)

    @staticmethod
    def original_config(config, shapes):
        """`config` and the number of classes of a checkpoint of the original."""
        width, classes = shapes["fc8/weights"]
        return dataclasses.replace(config, bits=int(width), img_model="alexnet"), int(classes)


def last_class(labels):
    """`[n, classes]` 0/1 -> the same with only the last class of each row.

    Original: model/datagenerator/input_parser.py, __str_to_int.
    """
    after = tf.cumsum(labels, axis=1, exclusive=True, reverse=True)
    return tf.where(after > 0, tf.zeros_like(labels), labels)


def accuracy(logits, targets):
    """Share of the rows whose largest logit is of the class, or one of the classes, wanted."""
    chosen = tf.argmax(logits, axis=1)
    right = tf.gather(targets, chosen, axis=1, batch_dims=1) > 0
    return tf.reduce_mean(tf.cast(right, tf.float32))


def listed_precision(found, relevant):
    """Mean over the queries of the mean, over the items found, of precision at rank x relevance.

    The sum is divided by the number of items found, not of relevant ones as in average
    precision; a query that finds nothing counts 0.

    Args:
        found: the positions that each query finds, in their order.
        relevant: a `Relevance`.
    Original: validation_function.py, reli.
    """
    ranks = [np.flatnonzero(relevant.row(row)[items]) for row, items in enumerate(found)]
    each = average_precision.average_precision(ranks, total=np.array([len(f) for f in found]))
    return float(np.nan_to_num(each).mean())


def _our_name(name):
    layer, _, leaf = name.partition("/")
    return f"{layer}/{npy.LEAVES.get(leaf, leaf)}"
