"""The model that a user holds: images in, outputs and codes out."""

import dataclasses
import sys

import numpy as np

from tfhash import __version__, backbones, checks, locks, methods, model_dir
from tfhash.backbones.base import Pixels
from tfhash.data import pipeline, splits
from tfhash.lazy import keras, tf
from tfhash.precision import check as check_precision
from tfhash.settings import Data


class Model:
    """A trained or untrained network with its head, and how images are made ready for it.

    Attributes:
        recipe: the `Method`, which holds backbone, head, network and weights.
        classes: names of the classes that it was trained on.
        precision, seed: as given.
        size: (height, width) in pixels that images are resized to, None leaves them; or the
            (width,) of vectors.
        strategy: the `tf.distribute.Strategy` that it was made under.
        stored: what config.json holds beside what makes the model, such as its data.
        path: the model directory, or None.

    Args:
        method: name of a method.
        config: its `Config`.
        classes: names of the dataset's classes.
        size: as above.
        precision: "float32", "mixed_bfloat16", "mixed_float16" or "float64".
        seed: of the initial weights, and of a training the order of batches and the augmentation.
        strategy: None for that of the scope it is made in.
    """

    def __init__(
        self, method, config, *, classes, size=None, precision="float32", seed=0, strategy=None
    ):
        self.strategy = strategy or tf.distribute.get_strategy()
        self.classes, self.precision, self.seed = tuple(classes), precision, seed
        self.size = tuple(size) if size else None
        self.stored, self.path = {}, None
        recipe = methods.load(method).Method
        check_precision(precision)
        backbones.load(config.img_model)  # what is imported must draw no random number later on
        keras.utils.set_random_seed(seed)
        with self.strategy.scope():
            options = {"num_classes": len(self.classes), "size": self.size}
            options |= {"dtype": precision, "seed": seed}
            self.recipe = recipe(config, **options)
        self._embed = tf.function(self._on_replicas, reduce_retracing=True)

    @property
    def method(self):
        """The name of the method."""
        return self.recipe.name

    @property
    def config(self):
        """The method's `Config`."""
        return self.recipe.config

    # ---- images to codes

    def embed(self, images, *, batch_size=None, training_seed=None):
        """The outputs of images or vectors, before they become codes: `[n, dim]` float32.

        Args:
            images: `[n, height, width, 3]` uint8 RGB of any size, a list of paths, or a part of a
                dataset (`Split`). They are resized and normalised as in training. Of a model that
                takes vectors: `[n, width]` float, or a part.
            batch_size: images at once; None for the method's own number.
            training_seed: gives the outputs in training mode, of images augmented by this seed;
                None those in inference mode.
        Raises:
            ValueError: other images, one that can't be read, or outputs that are not finite.

        >>> import numpy as np, tfhash
        >>> model = tfhash.load("models/48bits")
        >>> model.embed(np.zeros((2, 20, 30, 3), np.uint8)).shape
        (2, 144)
        """
        part = self._as_part(images)
        replicas = self.strategy.num_replicas_in_sync
        batch_size = max(1, (batch_size or self.recipe.input.batch) // replicas) * replicas
        prepare = self._prepare if training_seed is None else self.recipe.prepare
        batches = pipeline.ordered_batches(part, batch_size, prepare, seed=training_seed)
        with pipeline.plain_errors():
            outputs = [
                of_replica.numpy()
                for batch in self.strategy.experimental_distribute_dataset(batches)
                for of_replica in self.strategy.experimental_local_results(
                    self._embed(batch, training=training_seed is not None)
                )
            ]
        outputs = np.concatenate(outputs).astype(np.float32, copy=False)
        bad = int((~np.isfinite(outputs)).any(axis=1).sum())
        if bad:
            raise ValueError(
                f"The outputs of {bad} of {len(outputs)} {part.images.noun} are not finite."
            )
        return outputs

    def encode(self, images, **options):
        """The codes of images, to be searched: an object with `len`, `bits`, `save`, `distances`.

        Args: as of `embed`.

        >>> import numpy as np, tfhash
        >>> model = tfhash.load("models/48bits")
        >>> model.encode(np.zeros((2, 20, 30, 3), np.uint8)).bits
        48
        """
        return self.recipe.head.codes(self.embed(images, **options))

    def queries(self, images, **options):
        """What a search in codes of `encode` takes of images: codes, or floats.

        Args: as of `embed`.

        >>> import numpy as np, tfhash
        >>> model = tfhash.load("models/48bits")
        >>> images = np.zeros((2, 20, 30, 3), np.uint8)
        >>> tfhash.Index(model.encode(images)).search(model.queries(images), 1).positions.shape
        (2, 1)
        """
        return self.recipe.head.queries(self.embed(images, **options))

    def __call__(self, *images, **options):
        raise TypeError("Call `embed` or `encode` with images, which they preprocess.")

    predict = __call__

    def resized(self, part):
        """A part of a dataset with images of this model's size, as it resizes them."""
        pool = self.recipe.input.fitted(part.images, self.size)
        return part if pool is part.images else dataclasses.replace(part, images=pool)

    def _as_part(self, images):
        if not isinstance(images, splits.Split):
            images = splits.unlabelled(self.recipe.input.pool(images, self.size))
        part = self.resized(images)
        self.recipe.input.check(part.images.size)
        return part

    def _prepare(self, images, seed):
        return self.recipe.input.prepare(images)

    def _on_replicas(self, images, training):
        return self.strategy.run(self._outputs, args=(images, training))

    def _outputs(self, images, training):
        head, network, views = self.recipe.head, self.recipe.network, self.recipe.input.views
        if training:
            stream = self.recipe.streams[0]
            return self.recipe.outputs({name: images for name in self.recipe.streams})[stream]
        if views is None:
            return head.embed(network, images)
        outputs = [head.embed(network, view) for view in views(images)]
        return tf.add_n(outputs) / len(outputs)

    # ---- saving and loading

    def settings(self):
        """All that a model directory needs to build this model again."""
        pixels = self.recipe.input.pixels
        versions = {"tfhash": __version__, "tensorflow": tf.__version__, "keras": keras.__version__}
        return self.stored | {
            "method": self.method,
            "config": dataclasses.asdict(self.config),
            "classes": list(self.classes),
            "precision": self.precision,
            "seed": self.seed,
            "input": {
                "size": self.size and list(self.size),
                "pixels": pixels and dataclasses.asdict(pixels),
            },
            "versions": versions | {"python": sys.version.split()[0]},
        }

    def arrays(self):
        """`{name: array}` of the trained model, for a model directory."""
        return {name: variable.numpy() for name, variable in self.recipe.variables().items()}

    def save(self, path, *, step=0, overwrite=False):
        """Makes the model directory `path`.

        Args:
            path: models/NAME.
            step: the steps that it was trained.
            overwrite: replaces a model that is there.
        Raises:
            ValueError: `path` exists, and is not a model directory or `overwrite` is False; or
                another process writes there now.
        """
        options = {"step": step, "overwrite": overwrite}
        with locks.held(path):
            model_dir.create(path, self.settings(), self.arrays(), **options)
        self.path = path

    @classmethod
    def load(cls, path, *, method=None, settings=None, strategy=None):
        """The trained model of a model directory.

        Args:
            path: models/NAME.
            method: the method that is expected; None takes any.
            settings: used instead of those in the directory, as to train more epochs.
            strategy: as for `Model`.
        Raises:
            ValueError: the directory is incomplete, damaged, of a newer format or of another
                method, or its variables are not those that its settings ask for.
        """
        settings = dict(settings or model_dir.load_settings(path))
        name = settings.pop("method")
        if method not in (None, name):
            raise ValueError(f"`{path}` is a model of {name!r}, not of {method!r}.")
        made = {key: settings.pop(key) for key in ("classes", "precision", "seed")}
        given, values = settings.pop("input"), settings.pop("config")
        with checks.naming(f"{path}/config.json"):
            config = _config(name, values, settings.get("data", {}))
            model = cls(name, config, size=given["size"], strategy=strategy, **made)
        pixels = _pixels(given["pixels"])
        if pixels and model.recipe.input.pixels:
            model.recipe.input = dataclasses.replace(model.recipe.input, pixels=pixels)
        model.stored, model.path = settings, path
        model.recipe.stored = True
        model.restore(path)
        return model

    def restore(self, path):
        """Takes the weights of a model directory; the steps that they were trained."""
        arrays, step = model_dir.load_weights(path)
        variables = self.recipe.variables()
        if set(arrays) != set(variables):
            raise ValueError(
                f"`{path}`: the weights do not fit the settings. Missing: "
                f"{sorted(set(variables) - set(arrays))}, "
                f"unknown: {sorted(set(arrays) - set(variables))}."
            )
        checks.assign(variables, arrays, path)
        return step


def _config(name, values, options):
    """The `Config` of a config.json, without a network; ValueError also for `options` of `Data`."""
    Data.of(options)
    config = checks.from_dict(methods.load(name).Config, values)
    backbones.load(config.img_model)
    return config


def _pixels(stored):
    """`Pixels` of a dictionary as config.json holds it; None for None."""
    if stored is None:
        return None
    lists = {name: stored[name] and tuple(stored[name]) for name in ("mean", "std")}
    return Pixels(**lists, channels=stored["channels"])
