"""Where and how a training is struck: the functions around which a signal may come."""

import collections
import functools
import json
import os
import pathlib
import signal
import typing

KILL, INT, TERM = signal.SIGKILL, signal.SIGINT, signal.SIGTERM
RANDOM = "at random"


class Aim(typing.NamedTuple):
    """A signal at a place: when it is come to for the `number`-th time, from 1."""

    place: str
    signal: int
    number: int = 0


KINDS = {
    "kill at random": Aim(RANDOM, KILL),
    "kill, temporary file": Aim("temporary file", KILL),
    "kill, file replaced": Aim("file replaced", KILL),
    "kill, folder renamed": Aim("folder renamed", KILL),
    "kill, before the weights": Aim("before the weights", KILL),
    "kill, between weights and state": Aim("between weights and state", KILL),
    "kill, state half written": Aim("state half written", KILL),
    "kill, after the state": Aim("after the state", KILL),
    "kill, half a line of history": Aim("half a line of history", KILL),
    "kill, begin of an epoch": Aim("begin of an epoch", KILL),
    "kill, encoding": Aim("encoding", KILL),
    "kill, epoch half closed": Aim("epoch half closed", KILL),
    "kill, validation": Aim("validation", KILL),
    "int at random": Aim(RANDOM, INT),
    "int, begin of an epoch": Aim("begin of an epoch", INT),
    "int, encoding": Aim("encoding", INT),
    "int, end of a step": Aim("end of a step", INT),
    "int, epoch half closed": Aim("epoch half closed", INT),
    "int, validation": Aim("validation", INT),
    "int, between weights and state": Aim("between weights and state", INT),
    "term at random": Aim(RANDOM, TERM),
    "term, begin of an epoch": Aim("begin of an epoch", TERM),
    "term, end of a step": Aim("end of a step", TERM),
}


class Strikes:
    """Counts how often each place is come to, and sends the signal of an `Aim` when it is time."""

    def __init__(self, aim=None):
        self.aim, self.counts = aim, collections.Counter()

    def __call__(self, place):
        self.counts[place] += 1
        if self.aim and (place, self.counts[place]) == (self.aim.place, self.aim.number):
            os.kill(os.getpid(), self.aim.signal)

    def around(self, owner, name, *, before=None, after=None):
        """Has a function of a module or a class strike before it is called, or after."""
        function = getattr(owner, name)

        @functools.wraps(function)
        def struck(*given, **options):
            if before:
                self(before)
            result = function(*given, **options)
            if after:
                self(after)
            return result

        setattr(owner, name, struck)

    def install(self, method):
        """Puts all places into the library, for a training of the class `method`."""
        import tensorflow as tf
        from tensorflow.python.ops import gen_io_ops

        from tfhash import model, model_dir
        from tfhash.training import callbacks, records, trainer

        self.around(os, "replace", before="temporary file", after="file replaced")
        self.around(pathlib.Path, "rename", before="folder renamed", after="folder renamed")
        self.around(
            model_dir,
            "save_weights",
            before="before the weights",
            after="between weights and state",
        )
        self.around(tf.train.CheckpointManager, "save", after="after the state")
        half = "state half written"  # in a folder of its own, or not listed yet
        self.around(gen_io_ops, "merge_v2_checkpoints", before=half, after=half)
        self.around(model.Model, "embed", before="encoding", after="encoding")
        self.around(method, "on_step_end", before="end of a step", after="end of a step")
        self.around(method, "on_epoch_begin", before="begin of an epoch", after="begin of an epoch")
        self.around(callbacks.Validation, "run", before="validation", after="validation")
        self._half_a_line(records)
        self._half_closed(trainer.Trainer)

    def _half_a_line(self, records):
        append = records.append

        def torn(path, values):
            if self._is_next("half a line of history"):
                with open(path, "a") as file:
                    file.write(json.dumps(values)[:20])
            self("half a line of history")
            append(path, values)

        records.append = torn

    def _is_next(self, place):
        return self.aim and (place, self.counts[place] + 1) == (self.aim.place, self.aim.number)

    def _half_closed(self, kind):
        """Between the two assignments that close an epoch."""
        build = kind.__init__

        def built(trainer, *given, **options):
            build(trainer, *given, **options)
            assign = trainer._start.assign

            def struck(value):
                self("epoch half closed")
                return assign(value)

            trainer._start.assign = struck

        kind.__init__ = built
