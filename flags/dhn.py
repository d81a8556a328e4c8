"""Flags of DHN. They mirror thulab/DeepHash, examples/dhn/train_val_script.py."""

from flags import _deephash
from flags._deephash import IGNORED, define, translate

ALIASES = _deephash.ALIASES | {
    "max_iter": "iter_num",
    "learning_rate_decay_factor": "decay_factor",
    "q_lambda": "cq_lambda",
}
POSITIONAL = _deephash.positional("alpha")

__all__ = ["ALIASES", "IGNORED", "POSITIONAL", "define", "translate"]
