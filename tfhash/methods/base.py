"""What a method says to the loop that trains it: all that tfhash/hasher.py calls."""

import abc
import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Batch:
    """Of a global batch, by stream: `labels` `[batch, classes]` and `index` `[batch]`."""

    labels: dict
    index: dict


@dataclasses.dataclass(frozen=True)
class Encoded:
    """A part of a dataset after the network: `outputs` `[n, dim]`, `labels` `[n, classes]`."""

    outputs: np.ndarray
    labels: np.ndarray


class Method(abc.ABC):
    """A method: its network and losses, how its batches are drawn, what its codes are.

    A subclass sets `name`, `streams` (the names of the batches that a step takes, in the order
    in which the network sees them) and `dataset_defaults` (settings that a dataset changes, such
    as {"digits": {"batch_size": 64}}), and implements the methods below that are not here.

    Args:
        config: the `Config` of the method's module.
        num_classes: number of classes of the dataset.
        dtype: Keras dtype policy of the network.
    """

    streams = ("images",)
    dataset_defaults = {}
    original_dataset = "cifar10"  # what a checkpoint of the original was trained on

    def __init__(self, config, *, num_classes, dtype="float32"):
        self.config = config
        self.num_classes = num_classes
        self.dtype = dtype
        self.network = self.build_network()
        self.weights = self.build_weights()

    @staticmethod
    @abc.abstractmethod
    def model_name(config):
        """The name of a model directory where none is given."""

    @abc.abstractmethod
    def build_network(self):
        """The Keras model from preprocessed images to `[batch, dim]` outputs."""

    def build_weights(self):
        """`{name: keras.Variable}` of what is trained besides the network."""
        return {}

    def variables(self):
        """`{name: keras.Variable}` of all that makes the trained model."""
        return {variable.path: variable for variable in self.network.variables} | self.weights

    @abc.abstractmethod
    def optimizer(self):
        """A new Keras optimizer with its schedule."""

    @abc.abstractmethod
    def steps_per_epoch(self, train):
        """Steps of an epoch over the split `train`, and ValueError where it has too few items."""

    @abc.abstractmethod
    def batches(self, train, *, steps, seed, epoch):
        """A generator of `steps` times `{stream: positions in train}`, by (seed, epoch) alone."""

    @abc.abstractmethod
    def preprocess(self, images, seed):
        """uint8 RGB `[batch, height, width, 3]` -> float32; a `[2]` seed augments, None not."""

    def outputs(self, images):
        """`{stream: images}` of one replica -> `{stream: outputs}`, in training mode."""
        return {stream: self.network(images[stream], training=True) for stream in self.streams}

    @abc.abstractmethod
    def losses(self, outputs, batch):
        """`{term: scalar}`, already weighted, of the outputs of the global batch."""

    @abc.abstractmethod
    def codes(self, outputs):
        """The codes of `[n, dim]` outputs; a class of tfhash/retrieval/codes.py."""

    @abc.abstractmethod
    def evaluate(self, query, database):
        """`{metric: value}` of two `Encoded`, as the original's test script prints them."""

    def code_statistics(self, outputs):
        """`{name: value}` of the codes of some outputs, to watch during training."""
        return {}

    def load_original(self, path):
        """Reads a file of the original into the variables; a list of lines on what it held."""
        raise ValueError(f"Method {self.name!r} reads no files of its original. Received: {path}.")

    @classmethod
    def recognizes(cls, shapes):
        """Whether `{variable: shape}` of a TF1 checkpoint is a model of this method."""
        return False
