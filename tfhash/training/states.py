"""The states of a training run, from which it goes on."""

import contextlib
import logging
import os
import re

from tfhash import checkpoints, checks, files
from tfhash.lazy import tf

LOG = logging.getLogger("tfhash")
INDEX = re.compile(r"ckpt-(\d+)\.index")


class Checkpoints:
    """The states in models/NAME/checkpoints.

    Args:
        path: the model directory.
        variables: `{name: tf.Variable}` of the model and its optimizer.
        step: integer tf.Variable, the steps done.
        keep: number of states kept, the newest; None for all.
    """

    def __init__(self, path, variables, step, *, keep=3):
        self.folder = os.path.join(path, "checkpoints")
        self.step, self.keep = step, keep
        self._state = tf.train.Checkpoint(variables=dict(variables), step=step)
        self._manager = self._saved = None

    def steps(self):
        """The steps whose states are kept, ascending."""
        names = os.listdir(self.folder) if os.path.isdir(self.folder) else ()
        return sorted(int(found[1]) for found in map(INDEX.fullmatch, names) if found)

    def save(self):
        """Saves the state under its step, if it is not the one that was saved last."""
        step = int(self.step.numpy())
        if step == self._saved:
            return
        with files.writing(self._prefix(step)):
            self._manager = self._manager or self._managed()
            self._manager.save(checkpoint_number=step)
        self._saved = step

    def restore(self, step=None):
        """Restores the newest state that is whole, or that of a step; returns the steps done.

        Args:
            step: None for the newest; 0 is returned if there is none.
        Raises:
            ValueError: no state of `step` is kept, all are damaged, or the variables are not those
                of this model.
        """
        kept = self.steps()
        if step is not None and step not in kept:
            raise ValueError(
                f"Expected a state of step {step} in `{self.folder}`. Kept are the steps {kept}."
            )
        damaged = []
        for number in reversed(kept if step is None else [step]):
            reason = checkpoints.failure(self._prefix(number))
            if reason is None:
                for line in damaged:
                    LOG.warning("%s. The state before it, of step %d, is used.", line, number)
                return self._restore(number)
            damaged.append(f"`{self._prefix(number)}` is damaged: {reason}")
        if damaged:
            raise ValueError(f"{'; '.join(damaged)}. No state is left to go on from.")
        return 0

    def _prefix(self, step):
        return os.path.join(self.folder, f"ckpt-{step}")

    def _restore(self, step):
        try:
            self._state.restore(self._prefix(step)).assert_consumed()
        except Exception as error:  # of any kind: it depends on what the file holds
            raise ValueError(
                f"`{self._prefix(step)}` does not fit this model: {checks.brief(error)}"
            ) from error
        if int(self.step.numpy()) != step:
            raise ValueError(
                f"`{self._prefix(step)}` holds the state of step {int(self.step.numpy())}."
            )
        return step

    def _managed(self):
        """TensorFlow's manager, of the states that lie there.

        It would believe its file `checkpoint`, which may be torn, or name files elsewhere, that it
        would remove.
        """
        paths = [self._prefix(step) for step in self.steps()]
        if paths:
            times = {"all_model_checkpoint_timestamps": [1.0] * len(paths)}
            times |= {"last_preserved_timestamp": 0.0}
            tf.compat.v1.train.update_checkpoint_state(
                self.folder, paths[-1], all_model_checkpoint_paths=paths, **times
            )
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.folder, "checkpoint"))
        return tf.train.CheckpointManager(self._state, self.folder, max_to_keep=self.keep)
