"""The loop that trains a model, and the states from which it goes on."""

import time

import numpy as np

from tfhash.data import pipeline
from tfhash.lazy import keras, tf
from tfhash.training import batch_sizes, distribution, optimizers, plan, states
from tfhash.training.interrupts import Interrupts
from tfhash.training.step import Step


class Trainer:
    """Trains a `Model` by its method's losses, under the strategy that the model was made under.

    Attributes:
        model: the `Model`.
        optimizer: the method's Keras optimizer.
        wait_seconds: time spent waiting for input.
        watched: `{name: values}` of weights and gradients, as of the last step.
        stop_training: a callback sets it to end the training after an epoch.

    Args:
        model: the `Model`.
        jit_compile: compiles the step by XLA.
    """

    def __init__(self, model, *, jit_compile=False):
        self.model = model
        self.wait_seconds = 0.0
        self.watched = {}
        self.stop_training = False
        recipe = model.recipe
        with model.strategy.scope():
            known = {n: v for n, v in recipe.variables().items() if v.trainable}
            self.optimizer = optimizers.scaled(recipe.optimizer(), recipe.rates(known))
            if model.precision == "mixed_float16":
                self.optimizer = keras.optimizers.LossScaleOptimizer(self.optimizer)
            trained = list(known.values())
            self.optimizer.build(trained)
            # Steps, epochs closed, and the step at which the present one began. An epoch may be
            # of any length: what it is cannot be told from the step.
            names = ("step", "epoch", "epoch_start")
            counts = [tf.Variable(0, dtype=tf.int64, trainable=False, name=n) for n in names]
            self._steps, self._epochs, self._start = counts
        self._step = Step(recipe, self.optimizer, trained, model.strategy, jit_compile=jit_compile)

    @property
    def step(self):
        """The number of training steps done."""
        return int(self._steps.numpy())

    @property
    def done(self):
        """How far the training is, a `plan.Done`."""
        return plan.Done(int(self._epochs.numpy()), int(self._start.numpy()), self.step)

    def fit(self, train, *, epochs=None, steps_per_epoch=None, callbacks=(), interrupted=None):
        """Trains on the split `train` until all epochs are done, from the step it stands at.

        Args:
            train: a `Split` of tfhash/data/splits.py.
            epochs: number of epochs in all, those before a resumption included; None for the
                method's own number of steps, which may end within an epoch.
            steps_per_epoch: steps of an epoch; None for the method's own number.
            callbacks: Keras callbacks; a batch's logs are `loss`, the method's terms,
                `learning_rate` and `gradient_norm`, an epoch's are their means.
            interrupted: `Interrupts`, asked after every step; the training ends where they are
                true. An epoch that has begun takes a step first: no state is saved between the
                two, so that nothing begins twice when the training goes on.
        Raises:
            ValueError: the replicas can't share a batch.
            FloatingPointError: the loss is NaN or infinite; says at which step.
        """
        batch_sizes.check(self.model.config, self.model.strategy.num_replicas_in_sync)
        recipe = self.model.recipe
        interrupted = Interrupts() if interrupted is None else interrupted
        steps = steps_per_epoch or recipe.steps_per_epoch(train)
        total = epochs * steps if epochs else recipe.config.total_steps(steps)
        self.prepare(train)
        counts = {"epochs": plan.epochs(total, steps), "steps": steps}
        watching = keras.callbacks.CallbackList(list(callbacks), model=self, verbose=1, **counts)
        self.stop_training = False
        watching.on_train_begin()
        batches = None
        while self._next(total, steps) and not self.stop_training and not interrupted:
            done = self.done
            if done.step == done.start:
                interrupted.doing = f"the beginning of epoch {done.epoch + 1} and its first step"
                recipe.on_epoch_begin(done.epoch, train, self.model.embed)
            # Its batches may depend on what the method did at the begin of the epoch.
            batches = batches or self._training_batches(train, steps)
            part = self._next(total, steps)
            watching.on_epoch_begin(part.epoch)
            with pipeline.plain_errors():
                logs = self._run(batches, part, watching, interrupted)
            interrupted.doing = f"the end of epoch {part.epoch + 1}"
            if part.closes and self.step == part.stop:
                self._epochs.assign(part.epoch + 1)
                self._start.assign(self._steps)
            if self.step == part.stop and logs:
                watching.on_epoch_end(part.epoch, logs)
        watching.on_train_end()

    def prepare(self, train):
        """Makes what training on the split `train` needs besides the model, once.

        Raises:
            ValueError: the network can't take images of their size.
        """
        recipe = self.model.recipe
        recipe.input.check(train.images.size)
        if recipe.state is None:
            with self.model.strategy.scope():
                recipe.state = recipe.build_state(train)

    def _next(self, total, steps):
        length = self.model.recipe.epoch_steps(steps)
        return plan.next_part(total, steps, self.done, length)

    def _run(self, batches, part, callbacks, interrupted):
        """Runs a part of an epoch; the means of its logs, {} of no step."""
        history = []
        iterator = iter(batches)
        while self.step < part.stop and not (history and interrupted):
            interrupted.doing = f"step {self.step + 1}"
            number = self.step - self.done.start
            callbacks.on_train_batch_begin(number)
            logs = self._train(iterator)
            history.append(logs)
            callbacks.on_train_batch_end(number, logs)
        names = history[0] if history else ()
        return {name: np.mean([logs[name] for logs in history]) for name in names}

    def _train(self, iterator):
        """One step with all that belongs to it; its logs as floats."""
        recipe, started = self.model.recipe, time.perf_counter()
        batch = next(iterator)
        self.wait_seconds += time.perf_counter() - started
        recipe.on_step_begin(self.step)
        outcome = self._step(batch)
        self._steps.assign_add(1)
        self.watched = outcome.watched
        logs = {name: float(value) for name, value in outcome.logs.items()}
        if not np.isfinite(logs["loss"]):
            raise FloatingPointError(
                f"The loss is NaN or infinite at step {self.step}: {_not_finite(logs)}. "
                "Train again with --overwrite and a lower learning rate."
            )
        recipe.on_step_end(outcome.outputs, outcome.positions)
        return logs

    def _training_batches(self, train, steps):
        recipe, seed = self.model.recipe, self.model.seed

        def draw():
            """The batches from the present step to the end of its epoch."""
            done, length = self.done, recipe.epoch_steps(steps)
            drawn = recipe.batches(train, steps=length, seed=seed, epoch=done.epoch)
            for number, streams in enumerate(drawn, done.start):
                if number >= done.step:
                    yield number, streams

        batches = pipeline.training_batches(train, draw, recipe.prepare, seed=seed)
        if distribution.is_cpu(self.model.strategy):
            return batches  # to distribute them would take .6 ms of a step
        return self.model.strategy.experimental_distribute_dataset(batches)

    # ---- states

    def checkpoints(self, path):
        """The states of the training run in the model directory `path`; `prepare` comes first."""
        recipe = self.model.recipe
        variables = {f"model/{name}": v.value for name, v in recipe.variables().items()}
        for number, variable in enumerate(self.optimizer.variables):
            variables[f"optimizer/{number}"] = variable.value
        variables |= {f"state/{name}": v for name, v in (recipe.state or {}).items()}
        variables |= {"progress/epoch": self._epochs, "progress/start": self._start}
        keep = recipe.config.habits.states_kept
        return states.Checkpoints(path, variables, self._steps, keep=keep)


def _not_finite(logs):
    """The terms of a loss that are not finite, as text."""
    bad = [name for name, value in logs.items() if name != "loss" and not np.isfinite(value)]
    return ", ".join(bad) or "the sum of its terms"
