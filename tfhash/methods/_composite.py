"""What the composite quantizers of the DeepHash library share: settings, codes in training.

Original: thulab/DeepHash, model/dqn/dqn.py, dvsq.py, dtq.py.
"""

import dataclasses

import numpy as np

from tfhash import config as settings
from tfhash.config import setting
from tfhash.heads.additive import Additive
from tfhash.lazy import tf
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
        return self.n_subspace * _bits_of(self.n_subcenter)

    @classmethod
    def of_bits(cls, bits, values):
        """More or fewer codebooks, and outputs as wide as they need."""
        count = values.get("n_subcenter", cls.n_subcenter)
        what = f"the bits of one of {count} centres"
        codebooks = settings.parts(bits, _bits_of(count), what)
        width = values.get("output_dim", cls.output_dim)
        wider = {"output_dim": width + -width % codebooks} if width % codebooks else {}
        return {"n_subspace": codebooks} | wider


def _bits_of(count):
    """Bits of the number of one of so many centres."""
    return max(1, int(count - 1).bit_length())


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
    """The codes of the labelled training images, and their outputs as the steps last gave them.

    The state has a row for each of these images, in their order in train.

    Args:
        head: an `Additive`.
    """

    def __init__(self, head):
        self.head = head

    def build_state(self, train):
        count = int(train.labelled.sum())
        rows = np.where(train.labelled, np.cumsum(train.labelled) - 1, -1)
        self._rows = tf.constant(rows, tf.int64)  # of the state, by position in train
        self.state = {
            "codes": _variable(np.zeros((count, self.head.codebooks), np.int32)),
            # As in the original, an image that no step has shown stands at the origin.
            "outputs": _variable(np.zeros((count, self.head.dim), np.float32)),
            "seen": _variable(np.zeros(count, bool)),
        }
        return self.state

    @property
    def outputs(self):
        """The outputs `[labelled, dim]`, as they are known."""
        return self.state["outputs"].numpy()

    def on_step_end(self, outputs, positions):
        self.remember(positions["images"].numpy(), outputs["images"].numpy())

    def remember(self, positions, outputs):
        """Keeps the outputs of labelled images at `positions` in train; of an image the last."""
        rows, last = np.unique(self._rows.numpy()[positions[::-1]], return_index=True)
        values = {"outputs": outputs[::-1][last], "seen": np.ones(len(rows), bool)}
        for name, new in values.items():
            for copy in getattr(self.state[name], "values", [self.state[name]]):  # of each replica
                copy.scatter_nd_update(rows[:, None], new)

    def decoded(self, positions, dtype):
        """The codes of images at some positions in train, decoded: `[batch, dim]`."""
        numbers = tf.gather(self.state["codes"], tf.gather(self._rows, positions))
        return composite.reconstruct(numbers, tf.cast(self.head.centers, dtype))

    def keep(self, numbers, centers):
        """Sets the codes `[labelled, codebooks]`, and the centres of the model."""
        self.state["codes"].assign(numbers)
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
        self.state = super().build_state(train) | {"cq_lambda": rate}
        return self.state

    def weight(self, dtype):
        """The weight of the quantization at the present step, a tensor."""
        return tf.cast(self.state["cq_lambda"], dtype)

    def on_epoch_begin(self, epoch, train, encode):
        """Encodes the images that no step has shown, as the tail of a pass that fills no batch.

        The original leaves their outputs at zero.
        """
        positions = np.flatnonzero(train.labelled)[~self.state["seen"].numpy()]
        if epoch and len(positions):
            self.remember(positions, encode(train.subset(positions)))

    def on_step_begin(self, step):
        images = self.state["outputs"].shape[0]
        period = 2 * -(-images // self.config.batch_size)
        number, rest = divmod(step - 1, period)
        if step > 1 and rest == 0:
            self.keep(*self.update(self.outputs, number))
        self.state["cq_lambda"].assign(self.config.cq_lambda if step > period else 0.0)


def _variable(value):
    return tf.Variable(value, trainable=False)
