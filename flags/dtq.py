"""Flags of DTQ. They mirror thulab/DeepHash, examples/dtq/train_val_script.py."""

from flags import _deephash, common
from tfhash.methods import dtq
from tfhash.methods.dtq import Config

ALIASES = _deephash.ALIASES | _deephash.QUANTIZER_ALIASES
del ALIASES["max_iter"]  # its length is counted in selections of triplets
TEXTS = _deephash.QUANTIZER_TEXTS | {
    "batch_size": "Triplets of a step, of three images each.",
    "epochs": "Selections of triplets, each trained once.",
    "triplet_margin": "Margin of the loss, and in squared units that of the selection.",
    "dist_type": "Distance of the loss: euclidean2 (squared), euclidean, inner_product, cosine, "
    "averaged_euclidean2, averaged_euclidean, normed_euclidean2.",
    "select_strategy": "Triplets: margin (that violate it), all, hard.",
    "n_part": "Parts of the training images that no triplet crosses.",
    "triplet_thresold": "With fewer triplets n_part halves.",
    "select_in_training_mode": "Select by outputs with dropout and random crops, of full batches "
    "only, as the original does.",
}


def define(values):
    """Adds the flags to `values`."""
    _deephash.define(values, Config(), TEXTS, ALIASES)
    if "validate_every" in values:
        common.absl_flags.DEFINE_alias("val_freq", "validate_every", flag_values=values)
    text = "Accepted; codes are made in blocks of a fixed size, which does not change them."
    common.define(values, "code_batch_size", 500, text)


def config(values):
    """The `Config` that the flags give."""
    return _deephash.config(values, dtq)


__all__ = ["ALIASES", "Config", "config", "define"]
