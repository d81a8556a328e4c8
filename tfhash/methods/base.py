"""What a method says to the loop that trains it: all that tfhash/hasher.py calls."""

import abc
import dataclasses

import numpy as np

from tfhash.data import images

MEASURED = "training_"  # before the name of a measure in the logs of a step


@dataclasses.dataclass(frozen=True)
class Batch:
    """Of a global batch, by stream: `labels` `[batch, classes]`, `positions` in train `[batch]`."""

    labels: dict
    positions: dict


@dataclasses.dataclass(frozen=True)
class Encoded:
    """A part of a dataset after the network: `outputs` `[n, dim]`, `labels` `[n, classes]`."""

    outputs: np.ndarray
    labels: np.ndarray


class Method(abc.ABC):
    """A method: its network and losses, how its batches are drawn, what its codes are.

    A subclass sets `name`, `streams` (the names of the batches that a step takes, in the order
    in which the network sees them), `dataset_defaults` (settings that a dataset changes, such as
    {"digits": {"batch_size": 64}}) and how images reach `preprocess` (`resize`, `pixel_dtype`), and
    implements the methods below that are not here.

    Args:
        config: the `Config` of the method's module.
        num_classes: number of classes of the dataset.
        dtype: Keras dtype policy of the network.
    """

    streams = ("images",)
    dataset_defaults = {}
    dataset_names = {}  # the original's names of datasets: ours
    best_by = None  # the metric of `validate` by which the best weights are kept; None: the last
    original_dataset = "cifar10"  # what a checkpoint of the original was trained on
    tops = {}  # R of mAP@R by dataset; the whole database elsewhere
    resize = staticmethod(images.resize)  # (image, size) -> image of `pixel_dtype`
    pixel_dtype = np.uint8
    encode_batch = 256  # images encoded at once
    changeable = ("epochs", "save_every")  # settings that a resumed training may change
    seed = 0  # of the training, for what it draws besides the batches
    test_settings = ()  # settings that a test may change
    states_kept = 3  # of a training; None for all
    resumes = False  # whether the command that started a training also goes on with it
    histograms_every = 0  # steps between two histograms of weights and gradients; 0: none

    def __init__(self, config, *, num_classes, dtype="float32"):
        self.config = config
        self.num_classes = num_classes
        self.dtype = dtype
        self.network = self.build_network()
        self.weights = self.build_weights()
        self.state = None  # of `build_state`, once the training data are known

    @classmethod
    def model_name(cls, config):
        """The name of a model directory where none is given."""
        return f"{cls.name}_{config.bits}bits"

    @classmethod
    def defaults(cls, dataset, asked):
        """`{setting: value}` that differ from those of `Config`.

        Args:
            dataset: its name.
            asked: `{setting: value}` asked for, which go before these.
        """
        return cls.dataset_defaults.get(dataset, {})

    @classmethod
    def stage_before(cls, config, dataset):
        """The `Config` of the model that a training starts from, None where it needs none."""
        return None

    def continue_from(self, method):
        """Takes over what a trained method of `stage_before` has learned."""

    @staticmethod
    def image_size(config):
        """Side in pixels of the images that `preprocess` takes; None for the dataset's own."""
        return None

    @classmethod
    def resizer(cls, config):
        """How images are resized where a setting says it; else `resize`."""
        return cls.resize

    @abc.abstractmethod
    def build_network(self):
        """The Keras model from preprocessed images to `[batch, dim]` outputs."""

    def check_start(self, pretrained):
        """Raises ValueError where a training can't start from the file `pretrained`, or None."""

    def build_weights(self):
        """`{name: keras.Variable}` of what is trained besides the network."""
        return {}

    def build_state(self, train):
        """`{name: tf.Variable}` that training on the split `train` needs besides the model.

        Such as the codes of its images: saved with the states of a training, not with the model.
        """
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

    def total_steps(self, steps_per_epoch):
        """Steps of the whole training, whose last epoch may be a part of one."""
        return self.config.epochs * steps_per_epoch

    def epoch_steps(self, steps_per_epoch):
        """Steps of the epoch at hand, once `on_epoch_begin` was called: 1 or more."""
        return steps_per_epoch

    @abc.abstractmethod
    def batches(self, train, *, steps, seed, epoch):
        """A generator of `steps` times `{stream: positions in train}`, by (seed, epoch) alone."""

    @abc.abstractmethod
    def preprocess(self, images, seed):
        """RGB `[batch, height, width, 3]` -> float32; a `[2]` seed augments, None does not."""

    def on_epoch_begin(self, epoch, train, encode):
        """Before the first step of an epoch: code books, mined triplets. Assigns variables.

        Args:
            epoch: its number, from 0.
            train: the split.
            encode: `encode(split)` -> `Encoded`, the outputs in inference mode; with
                `training_seed=` those in training mode.
        """

    def on_step_begin(self, step):
        """Before a step, numbered from 0 through the training: schedules held in variables."""

    def on_step_end(self, outputs, positions):
        """After a step: by stream the outputs `[batch, dim]` that its losses were taken of, and
        the positions `[batch]` of their images in train."""

    def outputs(self, images):
        """`{stream: images}` of one replica -> `{stream: outputs}`, in training mode."""
        return {stream: self.network(images[stream], training=True) for stream in self.streams}

    def embed(self, images):
        """Preprocessed images -> `[batch, dim]` outputs in inference mode."""
        return self.network(images, training=False)

    @abc.abstractmethod
    def losses(self, outputs, batch):
        """`{term: scalar}`, already weighted, of the outputs of the global batch."""

    def measures(self, outputs, batch):
        """`{name: scalar}` to watch beside the losses; arguments as of `losses`."""
        return {}

    @abc.abstractmethod
    def codes(self, outputs):
        """The codes of `[n, dim]` outputs; a class of tfhash/retrieval/codes.py."""

    def queries(self, outputs):
        """What `distances` of these codes takes of the `[n, dim]` outputs of queries."""
        return outputs

    def scoring(self, scoring, dataset, items):
        """`scoring` with the R of the original for a dataset, where none was asked for."""
        top = scoring.top or self.tops.get(dataset)
        return dataclasses.replace(scoring, top=top and min(top, items))

    @abc.abstractmethod
    def evaluate(self, query, database, codes, scoring):
        """`{metric: value}` as the original's test script prints them.

        Args:
            query, database: `Encoded`.
            codes: of the database.
            scoring: a `Scoring` of tfhash/scoring.py.
        """

    def validate(self, query, database, codes, scoring):
        """The metrics of a validation during training: `evaluate`, on images held out.

        Args: as of `evaluate`.
        """
        return self.evaluate(query, database, codes, scoring)

    def code_statistics(self, codes):
        """`{name: value}` of the codes of some images, to watch during training."""
        return {}

    def report(self, query, database, codes, scoring, folder):
        """Writes what this method shows beyond all methods' report; the paths."""
        return []

    def load_original(self, path):
        """Reads a file of the original into the variables; a list of lines on what it held."""
        raise ValueError(f"Method {self.name!r} reads no files of its original. Received: {path}.")

    def save_original(self, path):
        """Writes the model as the original program does, so that it can be read there."""
        raise ValueError(f"Method {self.name!r} writes no files of its original.")

    @classmethod
    def recognizes(cls, shapes):
        """Whether `{variable: shape}` of a file of an original is a model of this method."""
        return False

    @staticmethod
    def original_config(config, shapes):
        """`config` and the number of classes of the model in such a file."""
        raise NotImplementedError
