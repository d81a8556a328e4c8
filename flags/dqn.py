"""Flags of DQN. They mirror thulab/DeepHash, examples/dqn/train_val_script.py."""

from flags import _deephash
from tfhash.methods import dqn
from tfhash.methods.dqn import Config

ALIASES = _deephash.ALIASES | _deephash.QUANTIZER_ALIASES
TEXTS = _deephash.QUANTIZER_TEXTS


def define(values):
    """Adds the flags to `values`."""
    _deephash.define(values, Config(), TEXTS, ALIASES)


def config(values):
    """The `Config` that the flags give."""
    return _deephash.config(values, dqn)


__all__ = ["ALIASES", "Config", "config", "define"]
