"""What happens beside training: validation, TensorBoard, saved states."""

import dataclasses
import logging
import math
import os
import sys

import keras
import numpy as np
import tensorflow as tf

from tfhash import model_dir
from tfhash.data import unseen
from tfhash.evaluation import pictures, results
from tfhash.methods.base import MEASURED
from tfhash.training import records

LOG = logging.getLogger("tfhash")
SCHEDULE = ("learning_rate", "gradient_norm")  # of a batch's logs, all that is no loss
VALIDATION_QUERIES, VALIDATION_DATABASE = 200, 2000


def standard(trainer, path, splits, *, validate_every, progress=True):
    """What run_train.py shows and writes, in the order in which it must run."""
    writer = records.Board(path)
    shown = [Progress()] if progress else []
    return [
        Validation(trainer, splits, writer, every=validate_every),
        Scalars(trainer, writer),
        Histograms(trainer, writer),
        History(trainer, os.path.join(path, records.HISTORY)),
        *shown,
    ]


class _EveryEpochs(keras.callbacks.Callback):
    """Calls `run(epoch, logs)` after every `every` epochs and after the last."""

    def __init__(self, trainer, every):
        super().__init__()
        self.trainer = trainer
        self.every = every

    def on_epoch_end(self, epoch, logs=None):
        done = epoch + 1
        if done % self.every == 0 or done == self.params["epochs"]:
            self.run(epoch, logs)


class Progress(keras.callbacks.ProgbarLogger):
    """The progress bar: losses, metrics of a validation; into a file, a line per epoch."""

    def set_params(self, params):
        super().set_params(params | {"verbose": 1 if sys.stdout.isatty() else 2})

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, _shown(logs))

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, _shown(logs))


def _shown(logs):
    terms = {name: logs[name] for name in logs if name not in SCHEDULE}
    return {"loss": terms.pop("loss")} | terms


class History(keras.callbacks.Callback):
    """Appends a line of JSON an epoch: epoch, step, the means of the losses, the validation."""

    def __init__(self, trainer, path):
        super().__init__()
        self.trainer = trainer
        self.path = path

    def on_epoch_end(self, epoch, logs=None):
        records.append(self.path, {"epoch": epoch + 1, "step": self.trainer.step, **logs})


class Scalars(keras.callbacks.Callback):
    """Writes to TensorBoard each step's losses, learning rate and gradient norm, and after each
    epoch what a method adds."""

    def __init__(self, trainer, writer):
        super().__init__()
        self.trainer = trainer
        self.writer = writer

    def on_train_batch_end(self, batch, logs=None):
        with self.writer.as_default(step=self.trainer.step):
            for name, value in logs.items():
                is_loss = name not in SCHEDULE and not name.startswith(MEASURED)
                tf.summary.scalar(f"losses/{name}" if is_loss else name, value)

    def on_epoch_end(self, epoch, logs=None):
        with self.writer.as_default(step=self.trainer.step):
            for name, value in self.trainer.model.recipe.summaries().items():
                write = tf.summary.histogram if np.ndim(value) else tf.summary.scalar
                write(name, value)
        self.writer.flush()

    def on_train_end(self, logs=None):
        self.writer.flush()  # of an epoch that was interrupted, too


class Histograms(keras.callbacks.Callback):
    """Writes histograms of the trained weights and their gradients, as often as a method asks."""

    def __init__(self, trainer, writer):
        super().__init__()
        self.trainer = trainer
        self.writer = writer

    def on_train_batch_end(self, batch, logs=None):
        every = self.trainer.model.recipe.config.habits.histograms_every
        if every and self.trainer.step % every == 0:
            with self.writer.as_default(step=self.trainer.step):
                for name, values in self.trainer.watched.items():
                    tf.summary.histogram(name, values)


class Validation(_EveryEpochs):
    """Retrieves a part of the database that gave no labels to training from the rest of it.

    The test's queries are never looked at. Adds the metrics to the epoch's logs as val_NAME, and
    writes them, the use of the codes and a picture of ranked lists to TensorBoard.
    """

    def __init__(self, trainer, splits, writer, *, every):
        super().__init__(trainer, every)
        self.writer = writer
        self.splits = validation_splits(splits, seed=trainer.model.seed)
        self.warned = False

    def run(self, epoch, logs):
        """Adds the metrics of a validation to the logs, and writes them and some pictures."""
        result = results.validate(self.trainer.model, self.splits)
        logs.update({f"val_{name}": value for name, value in result.metrics.items()})
        with self.writer.as_default(step=self.trainer.step):
            for name, value in result.metrics.items():
                tf.summary.scalar(f"validation/{name}", value)
            for name, value in result.codes.usage().items():
                tf.summary.scalar(name, value)
            picture = None
            if self.splits.query.images.shown:
                picture = pictures.attempt(lambda: self._picture(result), "ranked_lists")
            if picture is not None:
                tf.summary.image("ranked_lists", picture)
        self._warn(results.collapse(result))

    def _picture(self, result):
        return pictures.pixels(results.ranked_lists(result, rows=4))[None]

    def _warn(self, alike):
        """Says once that a training has lost its way."""
        if alike and not self.warned:
            LOG.warning(
                "At step %d the model hardly tells items apart: %s. If that stays so, train with "
                "a lower learning rate.",
                self.trainer.step,
                alike,
            )
        self.warned = self.warned or bool(alike)


class Saving(_EveryEpochs):
    """Saves the state to resume from, and the weights, in the model directory.

    The weights are the newest or, of a method that names a metric for it, those of the highest
    value in the validations; the first of equal ones. They are written before the state of the
    same step: a training that is killed in between repeats that step, with the same weights.
    """

    def __init__(self, trainer, path, *, every):
        super().__init__(trainer, every)
        self.path = path
        self.checkpoints = trainer.checkpoints(path)
        best_by = trainer.model.recipe.head.best_by
        self.metric = best_by and f"val_{best_by}"
        self.best = model_dir.best_value(path) if self.metric else -math.inf

    def on_train_begin(self, logs=None):
        """Saves the state of the initial weights, which are replaced before any other state."""
        if not self.checkpoints.steps():
            self.checkpoints.save()

    def on_epoch_end(self, epoch, logs=None):
        """Saves the weights where they are the best so far; then as often as is asked for."""
        value = logs.get(self.metric, -math.inf)
        if value > self.best:
            self.best = value
            self._save_weights()
        super().on_epoch_end(epoch, logs)

    def run(self, epoch, logs):
        """Saves the weights, where there are no better ones, and the state."""
        self.save()

    def save(self):
        """As `run`, at any step."""
        if self.best == -math.inf:
            self._save_weights()
        self.checkpoints.save()

    def _save_weights(self):
        arrays, step = self.trainer.model.arrays(), self.trainer.step
        model_dir.save_weights(self.path, arrays, step=step, best=self.best)


def validation_splits(splits, *, seed=0):
    """`splits` with queries out of the database: at most 200, against at most 2000 others.

    Queries are images whose labels training does not use, as far as there are any. Images that
    are held out, neither in the database nor with a label in train, are all taken. Items of
    classes that the training does not know are in neither part.
    """
    splits = unseen.known(splits)
    database, train = splits.database, splits.train
    if train.images is database.images:
        held = ~train.labelled & ~np.isin(train.index, database.index)
        if held.any():
            rng = np.random.default_rng(seed)
            others = np.sort(rng.permutation(len(database))[:VALIDATION_DATABASE])
            return dataclasses.replace(
                splits, query=train.subset(np.flatnonzero(held)), database=database.subset(others)
            )
    used = train.index[train.labelled] if train.images is database.images else ()
    fresh = np.flatnonzero(~np.isin(database.index, used))
    if len(fresh) < 2:
        fresh = np.arange(len(database))
    rng = np.random.default_rng(seed)
    count = max(1, min(VALIDATION_QUERIES, len(fresh) // 5))
    queries = rng.permutation(fresh)[:count]
    others = np.setdiff1d(np.arange(len(database)), queries)
    others = np.sort(rng.permutation(others)[:VALIDATION_DATABASE])
    return dataclasses.replace(
        splits, query=database.subset(queries), database=database.subset(others)
    )
