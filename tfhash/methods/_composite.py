"""What the composite quantizers of the DeepHash library share: centres, codes, evaluation.

Original: thulab/DeepHash, model/dqn/dqn.py, dvsq.py, dtq.py.
"""

import dataclasses
import pathlib

import keras
import numpy as np
import tensorflow as tf

from tfhash import checks, files
from tfhash.methods import _deephash
from tfhash.quantization import composite
from tfhash.retrieval import codes as kinds


@dataclasses.dataclass(frozen=True)
class Quantizer:
    """Settings of a composite quantizer, to be mixed into a `Config` of `_deephash`."""

    n_subspace: int = 4  # codebooks
    n_subcenter: int = 256  # centres of a codebook
    max_iter_update_b: int = 3  # sweeps over the codebooks when codes are updated
    max_iter_update_Cb: int = 1  # rounds of codes and centres in an update
    cq_lambda: float = 0.0001  # weight of the distance of outputs from their reconstruction

    def __post_init__(self):
        super().__post_init__()
        counts = ("n_subspace", "n_subcenter", "max_iter_update_b", "max_iter_update_Cb")
        checks.at_least(self, 1, *counts)
        checks.at_least(self, 0, "cq_lambda")
        if self.n_subcenter > 65536:
            raise ValueError(f"Expected `n_subcenter` <= 65536. Received: {self.n_subcenter}.")
        if self.output_dim % self.n_subspace:
            # The original leaves the columns that are over without a centre.
            raise ValueError(
                "`output_dim` must be a multiple of `n_subspace`, the codebooks that share its "
                f"columns. Received: output_dim={self.output_dim}, n_subspace={self.n_subspace}. "
                f"Use --output_dim={-(-self.output_dim // self.n_subspace) * self.n_subspace}."
            )

    @property
    def bits(self):
        """Length of a code in bits."""
        return self.n_subspace * max(1, int(self.n_subcenter - 1).bit_length())


class Method(_deephash.Method):
    """A network whose outputs are coded as sums of centres.

    The centres "C" `[n_subspace * n_subcenter, output_dim]` belong to the model. They change
    between steps, by k-means and least squares, and never by the gradient.
    """

    def build_weights(self):
        shape = (self.config.n_subspace * self.config.n_subcenter, self.config.output_dim)
        start = keras.initializers.RandomUniform(-1, 1)
        wide = keras.DTypePolicy(self.dtype).variable_dtype
        return {
            "C": keras.Variable(start, shape=shape, dtype=wide, trainable=False, name="centers")
        }

    def build_state(self, train):
        """The codes of the images of `train`, and their outputs as a step last gave them."""
        config, count = self.config, len(train)
        return {
            "codes": _variable(np.zeros((count, config.n_subspace), np.int32)),
            # As in the original, an image that no step has shown stands at the origin.
            "outputs": _variable(np.zeros((count, config.output_dim), np.float32)),
            "seen": _variable(np.zeros(count, bool)),
        }

    def on_step_end(self, outputs, positions):
        self.remember(positions["images"].numpy(), outputs["images"].numpy())

    def remember(self, rows, outputs):
        """Keeps the outputs of the images at `rows` of train; the last ones of an image count."""
        rows, last = np.unique(rows[::-1], return_index=True)
        for name, values in (("outputs", outputs[::-1][last]), ("seen", np.ones(len(rows), bool))):
            for copy in getattr(self.state[name], "values", [self.state[name]]):  # of each replica
                copy.scatter_nd_update(rows[:, None], values)

    def decoded(self, outputs, positions):
        """The codes of images at some positions of train, decoded: `[batch, dim]`."""
        codes = tf.gather(self.state["codes"], positions)
        return composite.reconstruct(codes, tf.cast(self.weights["C"], outputs.dtype))

    # ---- codes and centres

    def word_vectors(self):
        """`[classes, dim]` that distances are measured by, or None for Euclidean ones."""
        return None

    def initial_centers(self, outputs, *, seed):
        """Centres of `[n, dim]` outputs by k-means."""
        config = self.config
        return composite.initial_centers(outputs, config.n_subspace, config.n_subcenter, seed=seed)

    def assign_codes(self, outputs, centers, *, seed):
        """The codes of `[n, dim]` outputs by given centres."""
        visits = composite.orders(self.config.n_subspace, self.config.max_iter_update_b, seed=seed)
        return composite.assign(outputs, centers, visits, word_vectors=self.word_vectors())

    def fit(self, outputs, centers, *, seed):
        """Codes and centres of `[n, dim]` outputs in turns, from given centres."""
        config = self.config
        return composite.fit(
            outputs, centers, config.n_subspace, rounds=config.max_iter_update_Cb,
            sweeps=config.max_iter_update_b, seed=seed, word_vectors=self.word_vectors(),
        )  # fmt: skip

    def keep(self, rows, codes, centers):
        """Sets the codes of the images at `rows` of train, and the centres of the model."""
        every = np.array(self.state["codes"].numpy())
        every[rows] = codes
        self.state["codes"].assign(every)
        self.weights["C"].assign(centers)

    def codes(self, outputs):
        centers = self.weights["C"].numpy()
        return self.additive(self.assign_codes(outputs, centers, seed=0), centers)

    def additive(self, codes, centers):
        """`AdditiveCodes` of codes and the centres that they choose from."""
        codebooks = np.reshape(centers, (self.config.n_subspace, -1, self.config.output_dim))
        return kinds.AdditiveCodes(codes, codebooks, "inner_product")

    def quantized(self, outputs, codes):
        """The codes of queries' outputs, by the centres of a database's codes."""
        centers = codes.codebooks.reshape(-1, codes.dim)
        return self.additive(self.assign_codes(outputs, centers, seed=0), centers)

    # ---- evaluation

    def evaluate(self, query, database, codes, scoring):
        """mAP at R by inner product: of the outputs, of the queries' outputs and the database's
        reconstruction (AQD), of both reconstructions (SQD).

        A query without a relevant item among the first R is left out of the mean, as in the
        original's MAPs_CQ.
        """
        compared = {
            "mAP_by_feature": (kinds.FloatCodes(database.outputs), query.outputs),
            "mAP_AQD": (codes, query.outputs),
            "mAP_SQD": (codes, self.quantized(query.outputs, codes)),
        }
        return {
            name: scoring.mean_average_precision(*pair, query, database, missing="skip")
            for name, pair in compared.items()
        }

    def code_statistics(self, codes):
        return {f"codebook_use/{number}": share for number, share in enumerate(codes.used())}

    def report(self, query, database, codes, scoring, folder):
        """Writes features.npz: outputs, reconstructions and labels of both, as save_codes did."""
        arrays = {
            "db_features": database.outputs,
            "db_reconstr": codes.decode(),
            "db_label": database.labels,
            "val_features": query.outputs,
            "val_reconstr": self.quantized(query.outputs, codes).decode(),
            "val_label": query.labels,
        }
        path = pathlib.Path(folder) / "features.npz"
        with files.whole(path) as partial:
            np.savez(partial, **arrays)
        return [path]

    # ---- weight files

    @classmethod
    def recognizes(cls, shapes):
        return "C" in shapes and super().recognizes(shapes)

    @staticmethod
    def original_config(config, shapes):
        """`config` with the width in the file; its centres must be as many as the flags say."""
        count, expected = int(shapes["C"][0]), config.n_subspace * config.n_subcenter
        if count != expected:
            raise ValueError(
                f"The file has {count} centres. Expected n_subspace * n_subcenter. Received: "
                f"{config.n_subspace} * {config.n_subcenter}. Give --n_subspace."
            )
        return _deephash.Method.original_config(config, shapes)


class ScheduledMethod(Method):
    """A method that updates its codes every two passes over the training images.

    Until the first update the quantization weighs nothing. As in the original, an update comes
    one step after two passes of `ceil(images / batch_size)` steps.
    """

    def build_state(self, train):
        rate = _variable(np.zeros((), np.float32))
        known = _variable(train.labelled)
        return super().build_state(train) | {"cq_lambda": rate, "labelled": known}

    def on_epoch_begin(self, epoch, train, encode):
        """Encodes the images that no step has shown, as the tail of a pass that fills no batch.

        The original leaves their outputs at zero.
        """
        rows = np.flatnonzero(train.labelled & ~self.state["seen"].numpy())
        if epoch and len(rows):
            self.remember(rows, encode(train.subset(rows)).outputs)

    def on_step_begin(self, step):
        rows = np.flatnonzero(self.state["labelled"].numpy())
        period = 2 * -(-len(rows) // self.config.batch_size)
        number, rest = divmod(step - 1, period)
        if step > 1 and rest == 0:
            outputs = self.state["outputs"].numpy()[rows]
            self.keep(rows, *self.update(outputs, number))
        self.state["cq_lambda"].assign(self.config.cq_lambda if step > period else 0.0)

    def update(self, outputs, number):
        """New codes and centres of the `[n, dim]` outputs of the training images.

        Args:
            outputs: as the steps last gave them.
            number: of the update, from 1.
        """
        raise NotImplementedError


def _variable(value):
    return tf.Variable(value, trainable=False)
