"""Flags of DQN. They mirror thulab/DeepHash, examples/dqn/train_val_script.py."""

from flags import _deephash
from flags._deephash import QUANTIZER_IGNORED as IGNORED
from flags._deephash import define, translate

ALIASES = _deephash.ALIASES | _deephash.QUANTIZER_ALIASES
POSITIONAL = _deephash.positional("subspace_num")

__all__ = ["ALIASES", "IGNORED", "POSITIONAL", "define", "translate"]
