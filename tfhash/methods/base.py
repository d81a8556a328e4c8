"""What a method is: a recipe of losses, batches, augmentation and optimizer for a model."""

import abc
import dataclasses
import functools

import numpy as np

from tfhash import backbones
from tfhash.backbones.base import Pixels
from tfhash.data import samplers
from tfhash.inputs import Input, VectorInput
from tfhash.lazy import keras

PLAIN = Pixels((127.5,) * 3, (127.5,) * 3)  # -1 to 1
MEASURED = "training_"  # before the name of a measure in the logs of a step


@dataclasses.dataclass(frozen=True)
class Batch:
    """Of a global batch, by stream: `labels` `[batch, classes]`, `positions` in train `[batch]`."""

    labels: dict
    positions: dict


class Hook:
    """What happens beside the steps of a training, as a part that several methods hold.

    Its functions are those of the same names of `Method`.
    """

    def build_state(self, train):
        return {}

    def on_epoch_begin(self, epoch, train, encode):
        pass

    def on_step_begin(self, step):
        pass

    def on_step_end(self, outputs, positions):
        pass


class Method(abc.ABC):
    """A recipe, with the network, the head and the weights that it trains.

    A module of a method has its `Config` and its `Method`. What a subclass must say: `build_head`,
    `optimizer`, `losses`. What it may say: all else here.

    Attributes:
        name: of the method, that of its module.
        streams: names of the batches that a step takes, in the order the network sees them.
        config, num_classes, size, dtype, seed: as given.
        wide: the dtype of variables: float32, or float64.
        backbone: the `Backbone` of `config.img_model`.
        input: the `Input` that its images pass, or the `VectorInput` of its vectors.
        head: the `Head`.
        network: the Keras model from prepared images to the raw outputs of the head.
        weights: `{name: keras.Variable}` of the model besides the network.
        state: `{name: tf.Variable}` of `build_state`, once the training data are known.
        stored: whether config and weights are of a model directory, which may be a stranger's:
            then no file that the config names is read.
        hooks: `Hook`s that are called during a training.

    Args:
        config: the `Config` of the method's module.
        num_classes: number of classes of the dataset.
        size: of an item: (height, width), None where it is not known; or (width,) of vectors.
        dtype: Keras dtype policy of the network.
        seed: of what the method draws besides the initial weights and the batches.
    """

    streams = ("images",)

    def __init_subclass__(cls):
        cls.name = cls.__module__.rpartition(".")[2]

    def __init__(self, config, *, num_classes, size=None, dtype="float32", seed=0):
        self.config, self.num_classes, self.size = config, num_classes, size
        self.dtype, self.seed = dtype, seed
        self.wide = keras.DTypePolicy(dtype).variable_dtype
        self.backbone = backbones.load(config.img_model)
        self.input = self.source(config)
        self.hooks = []
        self.head = self.build_head()
        self.network = self.build_network()
        self.weights = self.head.build_weights()
        self.weights |= self.build_weights()
        self.state, self.stored = None, False

    # ---- the model

    @classmethod
    def source(cls, config):
        """The `Input` of a `Config`, or the `VectorInput` where its backbone takes vectors."""
        backbone = backbones.load(config.img_model)
        if not backbone.vectors:
            return cls.input_of(config)
        options = {name: getattr(config, name) for name in ("whiten", "l2_normalize")}
        return VectorInput(backbone=backbone, **options)

    @classmethod
    def input_of(cls, config):
        """How images are made ready: by default as the backbone says, or pixels of -1 to 1."""
        backbone = backbones.load(config.img_model)
        return Input(backbone=backbone, pixels=backbone.pixels or PLAIN)

    @abc.abstractmethod
    def build_head(self):
        """The `Head`."""

    def build_network(self):
        """The Keras model from prepared images to the raw outputs of the head."""
        return self.network_to(self.head.layers)

    def network_to(self, head, dropout=None):
        """A Keras model from prepared items, by the backbone, to what `head(features)` returns."""
        return self.backbone.network(
            head,
            dtype=self.dtype,
            dropout=dropout,
            size=self.size,
            before=functools.partial(self.input.layers, dtype=self.wide),
        )

    def linear(self, width, initializer=None):
        """Makes the backbone's linear layer of a width, when it is called; for a `Head`."""
        options = {"dtype": self.dtype, "initializer": initializer}
        return functools.partial(self.backbone.linear_layer, width, **options)

    def build_weights(self):
        """`{name: keras.Variable}` of what is trained besides the network and the head."""
        return {}

    def variables(self):
        """`{name: keras.Variable}` of all that makes the trained model."""
        return {variable.path: variable for variable in self.network.variables} | self.weights

    def continue_from(self, method):
        """Takes over what a trained method of `Config.stage_before` has learned."""

    # ---- training

    def build_state(self, train):
        """`{name: tf.Variable}` that training on the split `train` needs besides the model.

        Such as the codes of its images: saved with the states of a training, not with the model.
        """
        return {k: v for hook in self.hooks for k, v in hook.build_state(train).items()}

    @abc.abstractmethod
    def optimizer(self):
        """A new Keras optimizer with its schedule."""

    def steps_per_epoch(self, train):
        """Steps of an epoch over the split `train`, and ValueError where it has too few items."""
        count = int(train.labelled.sum())
        samplers.check_filled("labelled", count, self.config.batch_size)
        return count // self.config.batch_size

    def epoch_steps(self, steps_per_epoch):
        """Steps of the epoch at hand, once `on_epoch_begin` was called: 1 or more."""
        return steps_per_epoch

    def batches(self, train, *, steps, seed, epoch):
        """A generator of `steps` times `{stream: positions in train}`, by (seed, epoch) alone.

        By default of the labelled images, in a shuffled order.
        """
        items = np.flatnonzero(train.labelled)
        size = self.config.batch_size
        for batch in samplers.shuffled(len(items), size, steps, seed=seed, epoch=epoch):
            yield {self.streams[0]: items[batch["images"]]}

    def prepare(self, items, seed):
        """Items as they are read and a `[2]` seed -> float32, prepared for a training."""
        return self.input.prepare(items) if self.backbone.vectors else self.augment(items, seed)

    def augment(self, images, seed):
        """RGB `[batch, height, width, 3]` and a `[2]` seed -> float32, prepared for a training."""
        return self.input.prepare(images)

    def outputs(self, images):
        """`{stream: images}` of one replica -> `{stream: outputs}`, in training mode."""
        outputs = {s: self.network(images[s], training=True) for s in self.streams}
        return {stream: self.head.outputs(raw) for stream, raw in outputs.items()}

    @abc.abstractmethod
    def losses(self, outputs, batch):
        """`{term: scalar}`, already weighted, of the outputs of the global batch.

        Args:
            outputs: `{stream: [batch, dim]}`.
            batch: a `Batch`.
        """

    def measures(self, outputs, batch):
        """`{name: scalar}` to watch beside the losses; arguments as of `losses`."""
        return {}

    def summaries(self):
        """`{name: scalar or [n] values}` for TensorBoard after an epoch, these as histograms."""
        return {}

    # ---- hooks

    def on_epoch_begin(self, epoch, train, encode):
        """Before the first step of an epoch: code books, mined triplets. Assigns variables.

        Args:
            epoch: its number, from 0.
            train: the split.
            encode: `encode(split)` -> outputs `[n, dim]` in inference mode; with
                `training_seed=` those in training mode.
        """
        for hook in self.hooks:
            hook.on_epoch_begin(epoch, train, encode)

    def on_step_begin(self, step):
        """Before a step, numbered from 0 through the training: schedules held in variables."""
        for hook in self.hooks:
            hook.on_step_begin(step)

    def on_step_end(self, outputs, positions):
        """After a step: by stream the outputs `[batch, dim]` that its losses were taken of, and
        the positions `[batch]` of their images in train."""
        for hook in self.hooks:
            hook.on_step_end(outputs, positions)
