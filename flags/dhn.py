"""Flags of DHN. They mirror thulab/DeepHash, examples/dhn/train_val_script.py."""

from flags import _deephash
from tfhash.methods import dhn
from tfhash.methods.dhn import Config

ALIASES = _deephash.ALIASES | {
    "max_iter": "iter_num",
    "learning_rate_decay_factor": "decay_factor",
    "q_lambda": "cq_lambda",
}
TEXTS = {
    "alpha": "Scale of the products of outputs in the loss.",
    "cq_lambda": "Weight of the distance of outputs from -1 and 1.",
    "loss_type": "normed_cross_entropy (cosines) or cross_entropy (inner products).",
}


def define(values):
    """Adds the flags to `values`."""
    _deephash.define(values, Config(), TEXTS, ALIASES)


def config(values):
    """The `Config` that the flags give."""
    return _deephash.config(values, dhn)


__all__ = ["ALIASES", "Config", "config", "define"]
