"""Flags of DCH. They mirror thulab/DeepHash, examples/dch/train_val_script.py."""

from flags import _deephash
from flags._deephash import IGNORED, define, translate

ALIASES = _deephash.ALIASES

__all__ = ["ALIASES", "IGNORED", "define", "translate"]
