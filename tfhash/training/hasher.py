"""The one model that trains any method, under any distribution strategy."""

import dataclasses
import sys
import time

import keras
import numpy as np
import tensorflow as tf

from tfhash import __version__, checks, methods, model_dir
from tfhash.data import pipeline
from tfhash.methods import base
from tfhash.training import distribution

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
WATCHED = 2**16  # values of a variable that a histogram takes at most


class Hasher(keras.Model):
    """A method with its network, its optimizer and the loop that trains them.

    A step runs the network on each replica, gathers the outputs of all, takes the method's
    losses on the global batch and divides by the number of replicas, so that N replicas give
    the weights of one, for losses over pairs and triplets too.

    Args:
        method: name of a method.
        config: its `Config`.
        classes: names of the dataset's classes.
        strategy: a `tf.distribute.Strategy`; None for that of the scope it is made in.
        precision: one of `PRECISIONS`, or "float64".
        seed: of the initial weights, the order of the batches and the augmentation.
        jit_compile: compiles the step by XLA.
    """

    def __init__(
        self,
        method,
        config,
        *,
        classes,
        strategy=None,
        precision="float32",
        seed=0,
        jit_compile=False,
    ):
        super().__init__(name="hasher")
        self.strategy = strategy or tf.distribute.get_strategy()
        distribution.check_batch(config.batch_size, self.strategy.num_replicas_in_sync)
        self.precision, self.seed, self.classes = precision, seed, tuple(classes)
        self.wait_seconds = 0.0  # time spent waiting for input
        self.watched = {}  # {name: [values]} of weights and gradients, as of the last step
        keras.utils.set_random_seed(seed)
        with self.strategy.scope():
            self.method = methods.load(method).Method(
                config, num_classes=len(self.classes), dtype=precision
            )
            self.method.seed = seed
            self.network = self.method.network
            self.optimizer = self.method.optimizer()
            if precision == "mixed_float16":
                self.optimizer = keras.optimizers.LossScaleOptimizer(self.optimizer)
            self._trained = [v for v in self.method.variables().values() if v.trainable]
            self.optimizer.build(self._trained)
            self.steps_done = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
            # An epoch may be of any length: what it is cannot be told from the step.
            self.epochs_done = tf.Variable(0, dtype=tf.int64, trainable=False, name="epoch")
            self.epoch_start = tf.Variable(0, dtype=tf.int64, trainable=False, name="epoch_start")
        self._train = tf.function(self._global_step, jit_compile=jit_compile or None)
        self._embed = tf.function(self._global_embed, reduce_retracing=True)
        self._embed_training = tf.function(self._global_embed_training, reduce_retracing=True)

    @property
    def step(self):
        """The number of training steps done."""
        return int(self.steps_done.numpy())

    def call(self, images, training=False):
        """Preprocessed `images` `[batch, height, width, 3]` -> outputs `[batch, dim]`."""
        return self.network(images, training=training)

    # ---- training

    def fit(self, train, *, epochs=None, steps_per_epoch=None, callbacks=()):
        """Trains on the split `train` until all epochs are done, from the step it stands at.

        Args:
            train: a `Split` of tfhash/data/splits.py.
            epochs: number of epochs in all, those before a resumption included; None for the
                method's own number of steps, which may end within an epoch.
            steps_per_epoch: steps of an epoch; None for the method's own number.
            callbacks: Keras callbacks; a batch's logs are `loss`, the method's terms,
                `learning_rate` and `gradient_norm`, an epoch's are their means.
        Raises:
            FloatingPointError: the loss is no number any more.
        """
        steps = steps_per_epoch or self.method.steps_per_epoch(train)
        total = epochs * steps if epochs else self.method.total_steps(steps)
        epochs = -(-total // steps)
        self.prepare(train)
        callbacks = keras.callbacks.CallbackList(
            list(callbacks), model=self, epochs=epochs, steps=steps, verbose=1
        )
        self.stop_training = False
        callbacks.on_train_begin()
        batches = None
        for epoch in range(int(self.epochs_done.numpy()), epochs):
            start = int(self.epoch_start.numpy())
            last = start + total - epoch * steps if epoch == epochs - 1 and total % steps else None
            if last is not None and self.step >= last:
                break
            if self.step > start and self.step == start + self.method.epoch_steps(steps):
                self._close_epoch(epoch)  # its last step was interrupted after the update
                continue
            callbacks.on_epoch_begin(epoch)
            if self.step == start:
                self.method.on_epoch_begin(epoch, train, self.encode)
            # Its batches may depend on what the method did at the begin of the epoch.
            batches = batches or self._training_batches(train, steps)
            stop = start + self.method.epoch_steps(steps)
            with pipeline.plain_errors():
                logs = self._epoch(batches, start, min(stop, last or stop), callbacks)
            if self.step == stop:
                self._close_epoch(epoch)
            callbacks.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        callbacks.on_train_end()

    def _close_epoch(self, epoch):
        self.epochs_done.assign(epoch + 1)
        self.epoch_start.assign(self.steps_done)

    def prepare(self, train):
        """Makes what training on the split `train` needs besides the model, once."""
        if self.method.state is None:
            with self.strategy.scope():
                self.method.state = self.method.build_state(train)

    def _epoch(self, batches, start, stop, callbacks):
        """Runs the epoch that began at step `start` up to step `stop`; the means of its logs."""
        history = []
        iterator = iter(batches)
        for number in range(self.step - start, stop - start):
            callbacks.on_train_batch_begin(number)
            started = time.perf_counter()
            batch = next(iterator)
            self.wait_seconds += time.perf_counter() - started
            self.method.on_step_begin(self.step)
            logs, outputs, positions, self.watched = self._train(batch)
            logs = {name: float(value) for name, value in logs.items()}
            if not np.isfinite(logs["loss"]):
                raise FloatingPointError(
                    f"The loss is {logs['loss']} at step {self.step}. "
                    "Train again with --overwrite and a lower learning rate."
                )
            self.method.on_step_end(outputs, positions)
            history.append(logs)
            callbacks.on_train_batch_end(number, logs)
        return {name: np.mean([logs[name] for logs in history]) for name in history[0]}

    def _training_batches(self, train, steps):
        def draw():
            """The batches from the present step to the end of its epoch."""
            epoch, start = int(self.epochs_done.numpy()), int(self.epoch_start.numpy())
            steps_of_epoch = self.method.epoch_steps(steps)
            drawn = self.method.batches(train, steps=steps_of_epoch, seed=self.seed, epoch=epoch)
            for number, streams in enumerate(drawn, start):
                if number >= self.step:
                    yield number, streams

        batches = pipeline.training_batches(train, draw, self.method.preprocess, seed=self.seed)
        return self.strategy.experimental_distribute_dataset(batches)

    def _global_step(self, batch):
        results = self.strategy.run(self._replica_step, args=(batch,))
        self.steps_done.assign_add(1)
        # Every replica has the whole of each: losses and outputs are of the global batch.
        return tuple({name: self._first(v) for name, v in result.items()} for result in results)

    def _replica_step(self, batch):
        replicas = tf.distribute.get_replica_context().num_replicas_in_sync
        streams = self.method.streams
        learning_rate = tf.identity(self.optimizer.learning_rate)
        with tf.GradientTape() as tape:
            outputs = self.method.outputs({s: batch[s]["images"] for s in streams})
            outputs = {s: distribution.gather(outputs[s]) for s in streams}
            labels = {s: distribution.gather(batch[s]["labels"]) for s in streams}
            labels = {s: tf.cast(labels[s], outputs[s].dtype) for s in streams}
            positions = {s: distribution.gather(batch[s]["positions"]) for s in streams}
            batch = base.Batch(labels, positions)
            terms = self.method.losses(outputs, batch)
            loss = tf.add_n(list(terms.values()))
            scaled = self.optimizer.scale_loss(loss / replicas)
        gradients = tape.gradient(scaled, [v.value for v in self._trained])
        logs = {"loss": loss, **terms, "learning_rate": learning_rate}
        for name, value in self.method.measures(outputs, batch).items():
            logs[base.MEASURED + name] = value
        found = self._found(gradients, replicas)
        norm = tf.linalg.global_norm(list(found.values()))
        logs["gradient_norm"] = norm / self.optimizer.scale_loss(tf.ones([], norm.dtype))
        watched = self._sample(found) if self.method.histograms_every else {}
        self.optimizer.apply(gradients, self._trained)
        return logs, outputs, positions, watched

    def _found(self, gradients, replicas):
        """`{path of a variable: gradient of the global loss}`, times the scale of the loss."""
        found = {v.path: g for v, g in zip(self._trained, gradients) if g is not None}
        if replicas > 1:
            context = tf.distribute.get_replica_context()
            found = context.all_reduce(tf.distribute.ReduceOp.SUM, found)
        return found

    def _sample(self, gradients):
        """Values of the trained variables and of their gradients, for histograms."""
        values = {v.path: v.value for v in self._trained}
        values |= {f"{path}/gradient": gradient for path, gradient in gradients.items()}
        return {name: _spread(tf.convert_to_tensor(array)) for name, array in values.items()}

    def _first(self, value):
        return self.strategy.experimental_local_results(value)[0]

    # ---- encoding

    def encode(self, split, *, batch_size=None, training_seed=None):
        """The outputs of all images of a split, `[n, dim]` float32, as a `base.Encoded`.

        Args:
            split: a `Split`.
            batch_size: images encoded at once; None for the method's own number.
            training_seed: gives the outputs in training mode, of images augmented by this seed;
                None those in inference mode.
        Raises:
            ValueError: some output is no number; says how many.
        """
        replicas = self.strategy.num_replicas_in_sync
        batch_size = max(1, (batch_size or self.method.encode_batch) // replicas) * replicas
        embed = self._embed if training_seed is None else self._embed_training
        batches = pipeline.ordered_batches(
            split, batch_size, self.method.preprocess, seed=training_seed
        )
        with pipeline.plain_errors():
            outputs = [
                part.numpy()
                for batch in self.strategy.experimental_distribute_dataset(batches)
                for part in self.strategy.experimental_local_results(embed(batch))
            ]
        outputs = np.concatenate(outputs).astype(np.float32, copy=False)
        bad = int((~np.isfinite(outputs)).any(axis=1).sum())
        if bad:
            raise ValueError(f"The outputs of {bad} of {len(outputs)} images are not finite.")
        return base.Encoded(outputs, split.labels)

    def _global_embed(self, images):
        return self.strategy.run(self.method.embed, args=(images,))

    def _global_embed_training(self, images):
        def embed(images):
            stream = self.method.streams[0]
            return self.method.outputs({name: images for name in self.method.streams})[stream]

        return self.strategy.run(embed, args=(images,))

    # ---- saving and loading

    def settings(self, **more):
        """All that a model directory needs to build this model again, and `more`."""
        versions = {"tfhash": __version__, "tensorflow": tf.__version__, "keras": keras.__version__}
        return {
            "method": self.method.name,
            "config": dataclasses.asdict(self.method.config),
            "classes": list(self.classes),
            "precision": self.precision,
            "seed": self.seed,
            "versions": versions | {"python": sys.version.split()[0]},
            **more,
        }

    def arrays(self):
        """`{name: array}` of the trained model, for a model directory."""
        return {name: variable.numpy() for name, variable in self.method.variables().items()}

    def checkpoints(self, path):
        """The states of the training run in the model directory `path`; `prepare` comes first."""
        variables = {f"model/{name}": v.value for name, v in self.method.variables().items()}
        for number, variable in enumerate(self.optimizer.variables):
            variables[f"optimizer/{number}"] = variable.value
        variables |= {f"state/{name}": v for name, v in (self.method.state or {}).items()}
        variables |= {"progress/epoch": self.epochs_done, "progress/start": self.epoch_start}
        keep = self.method.states_kept
        return model_dir.Checkpoints(path, variables, self.steps_done, keep=keep)

    @classmethod
    def load(cls, path, *, method=None, settings=None, **options):
        """The trained model of a model directory.

        Args:
            path: models/NAME.
            method: the method that is expected; None takes any.
            settings: used instead of those in the directory, as to train more epochs.
            options: strategy and jit_compile of `Hasher`.
        Raises:
            ValueError: the directory is incomplete, damaged, of a newer format or of another
                method, or its variables are not those that its settings ask for.
        """
        settings = settings or model_dir.load_settings(path)
        try:
            trained = settings["method"]
            wanted = {name: settings[name] for name in ("classes", "precision", "seed")}
            fields = settings["config"]
        except (KeyError, TypeError) as error:
            raise ValueError(f"`{path}/config.json` lacks {error}.") from error
        if method not in (None, trained):
            raise ValueError(f"`{path}` is a model of {trained!r}, not of {method!r}.")
        config = checks.from_dict(methods.load(trained).Config, fields, f"{path}/config.json")
        hasher = cls(trained, config, **wanted, **options)
        arrays, step = model_dir.load_weights(path)
        variables = hasher.method.variables()
        if set(arrays) != set(variables):
            raise ValueError(
                f"`{path}`: the weights do not fit the settings. Missing: "
                f"{sorted(set(variables) - set(arrays))}, "
                f"unknown: {sorted(set(arrays) - set(variables))}."
            )
        checks.assign(variables, arrays, path)
        hasher.steps_done.assign(step)
        return hasher


def _spread(array):
    """All values of a tensor, or every n-th one of a large tensor: `[up to WATCHED]` float32."""
    return tf.cast(
        tf.reshape(array, [-1])[:: -(-array.shape.num_elements() // WATCHED)], tf.float32
    )
