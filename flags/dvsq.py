"""Flags of DVSQ. They mirror thulab/DeepHash, examples/dvsq/train_val_script.py."""

from flags import _deephash
from tfhash.methods import dvsq
from tfhash.methods.dvsq import Config

ALIASES = _deephash.ALIASES | _deephash.QUANTIZER_ALIASES
TEXTS = _deephash.QUANTIZER_TEXTS | {
    "loss_type": f"{dvsq.SOFT}: margins by the word vectors; {dvsq.FIXED}: --margin_param.",
    "margin_param": "The fixed margin, as a difference of cosines.",
    "wordvec_dict": "Text file of the classes' word vectors, a row of numbers each in the order "
    "of the classes; or orthogonal, for vectors that only tell the classes apart.",
    "word_vectors": "Text or .bin file of word2vec or GloVe to look --class_names up in.",
    "class_names": "Names of the classes in their order, parted by commas, or a file of one in "
    "each line. A name of several words (polar_bear) gets the mean of their vectors.",
}


def define(values):
    """Adds the flags to `values`."""
    _deephash.define(values, Config(), TEXTS, ALIASES)


def config(values):
    """The `Config` that the flags give."""
    return _deephash.config(values, dvsq)


__all__ = ["ALIASES", "Config", "config", "define"]
