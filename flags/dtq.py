"""Flags of DTQ. They mirror thulab/DeepHash, examples/dtq/train_val_script.py."""

from flags import _deephash
from flags._deephash import QUANTIZER_IGNORED as IGNORED
from flags._deephash import define, translate

ALIASES = _deephash.ALIASES | _deephash.QUANTIZER_ALIASES | {"val_freq": "validate_every"}
del ALIASES["max_iter"]  # its length is counted in selections of triplets

__all__ = ["ALIASES", "IGNORED", "define", "translate"]
