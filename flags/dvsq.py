"""Flags of DVSQ. They mirror thulab/DeepHash, examples/dvsq/train_val_script.py."""

from flags import _deephash
from flags._deephash import IGNORED, define, translate

ALIASES = _deephash.ALIASES | _deephash.QUANTIZER_ALIASES

__all__ = ["ALIASES", "IGNORED", "define", "translate"]
