"""What the composite quantizers of the DeepHash library share: settings, codes in training.

Original: thulab/DeepHash, model/dqn/dqn.py, dvsq.py, dtq.py.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from tfhash.config import setting
from tfhash.heads.additive import Additive
from tfhash.methods import _deephash, base
from tfhash.quantization import composite

CENTRES = 2**27  # numbers in all centres, which take 512 MiB


@dataclasses.dataclass(frozen=True)
class Config(_deephash.Config):
    """Settings of a composite quantizer."""

    n_subspace: int = setting(4, "Codebooks; a code is the sum of a centre of each.", least=1)
    n_subcenter: int = setting(256, "Centres of a codebook.", least=1, most=65536)
    max_iter_update_b: int = setting(
        3, "Sweeps over the codebooks when codes are updated.", least=1
    )
    max_iter_update_Cb: int = setting(1, "Rounds of codes and centres in an update.", least=1)
    cq_lambda: float = setting(
        0.0001, "Weight of the distance of outputs from what their codes stand for.", least=0
    )

    def __post_init__(self):
        super().__post_init__()
        if self.output_dim % self.n_subspace:
            # The original leaves the columns that are over without a centre.
            raise ValueError(
                "`output_dim` must be a multiple of `n_subspace`, the codebooks that share its "
                f"columns. Received: output_dim={self.output_dim}, n_subspace={self.n_subspace}. "
                f"Use --output_dim={-(-self.output_dim // self.n_subspace) * self.n_subspace}."
            )
        if self.n_subspace * self.n_subcenter * self.output_dim > CENTRES:
            raise ValueError(
                f"Expected `n_subspace` * `n_subcenter` * `output_dim` <= {CENTRES}, the numbers "
                f"in all centres. Received: {self.n_subspace} * {self.n_subcenter} * "
                f"{self.output_dim}."
            )

    @property
    def bits(self):
        return self.n_subspace * max(1, int(self.n_subcenter - 1).bit_length())


def head(method, kind=Additive, word_vectors=None):
    """The head of a method with a `Config` from above.

    Args:
        method: gives the linear layer, its activation, and the settings.
        kind: `Additive`, or a class below it.
        word_vectors: as `Additive` takes it.
    """
    config = method.config
    return kind(
        method.linear(config.output_dim),
        activation=method.activation,
        codebooks=config.n_subspace,
        words=config.n_subcenter,
        dim=config.output_dim,
        sweeps=config.max_iter_update_b,
        rounds=config.max_iter_update_Cb,
        dtype=method.wide,
        word_vectors=word_vectors,
    )


class TrainingCodes(base.Hook):
    """The codes of the training images, and their outputs as the steps last gave them.

    Args:
        head: an `Additive`.
    """

    def __init__(self, head):
        self.head = head

    def build_state(self, train):
        self.state = {
            "codes": _variable(np.zeros((len(train), self.head.codebooks), np.int32)),
            # As in the original, an image that no step has shown stands at the origin.
            "outputs": _variable(np.zeros((len(train), self.head.dim), np.float32)),
            "seen": _variable(np.zeros(len(train), bool)),
        }
        return self.state

    def on_step_end(self, outputs, positions):
        self.remember(positions["images"].numpy(), outputs["images"].numpy())

    def remember(self, rows, outputs):
        """Keeps the outputs of the images at `rows` of train; the last ones of an image count."""
        rows, last = np.unique(rows[::-1], return_index=True)
        values = {"outputs": outputs[::-1][last], "seen": np.ones(len(rows), bool)}
        for name, new in values.items():
            for copy in getattr(self.state[name], "values", [self.state[name]]):  # of each replica
                copy.scatter_nd_update(rows[:, None], new)

    def outputs_of(self, rows):
        """The outputs `[rows, dim]` of the images at `rows` of train, as they are known."""
        return self.state["outputs"].numpy()[rows]

    def decoded(self, positions, dtype):
        """The codes of images at some positions of train, decoded: `[batch, dim]`."""
        numbers = tf.gather(self.state["codes"], positions)
        return composite.reconstruct(numbers, tf.cast(self.head.centers, dtype))

    def keep(self, rows, numbers, centers):
        """Sets the codes of the images at `rows` of train, and the centres of the model."""
        every = np.array(self.state["codes"].numpy())
        every[rows] = numbers
        self.state["codes"].assign(every)
        self.head.centers.assign(centers)


class ScheduledCodes(TrainingCodes):
    """Codes that are updated every two passes over the training images.

    Until the first update the quantization weighs nothing. As in the original, an update comes
    one step after two passes of `ceil(images / batch_size)` steps.

    Args:
        head: an `Additive`.
        config: a `Config` from above.
        update: `(outputs [n, dim], number of the update from 1) -> (codes, centres)`.
    """

    def __init__(self, head, config, update):
        super().__init__(head)
        self.config, self.update = config, update

    def build_state(self, train):
        rate = _variable(np.zeros((), np.float32))
        known = _variable(train.labelled)
        self.state = super().build_state(train) | {"cq_lambda": rate, "labelled": known}
        return self.state

    def weight(self, dtype):
        """The weight of the quantization at the present step, a tensor."""
        return tf.cast(self.state["cq_lambda"], dtype)

    def on_epoch_begin(self, epoch, train, encode):
        """Encodes the images that no step has shown, as the tail of a pass that fills no batch.

        The original leaves their outputs at zero.
        """
        rows = np.flatnonzero(train.labelled & ~self.state["seen"].numpy())
        if epoch and len(rows):
            self.remember(rows, encode(train.subset(rows)))

    def on_step_begin(self, step):
        rows = np.flatnonzero(self.state["labelled"].numpy())
        period = 2 * -(-len(rows) // self.config.batch_size)
        number, rest = divmod(step - 1, period)
        if step > 1 and rest == 0:
            self.keep(rows, *self.update(self.outputs_of(rows), number))
        self.state["cq_lambda"].assign(self.config.cq_lambda if step > period else 0.0)


def _variable(value):
    return tf.Variable(value, trainable=False)
