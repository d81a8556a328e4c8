"""Flags of DCH. They mirror thulab/DeepHash, examples/dch/train_val_script.py."""

from flags import _deephash
from tfhash.methods import dch
from tfhash.methods.dch import Config

ALIASES = _deephash.ALIASES
TEXTS = {
    "gamma": "Scale of the Cauchy distribution, in squared output units.",
    "q_lambda": "Weight of the distance of outputs from -1 and 1.",
}


def define(values):
    """Adds the flags to `values`."""
    _deephash.define(values, Config(), TEXTS, ALIASES)


def config(values):
    """The `Config` that the flags give."""
    return _deephash.config(values, dch)


__all__ = ["ALIASES", "Config", "config", "define"]
