"""Flags of GPQ. They mirror youngkyunJang/GPQ, config.py."""

from flags import common
from tfhash.methods.gpq import Config

ALIASES = {
    "n_book": "num_codebooks",
    "bn_word": "codeword_bits",
    "len_code": "codeword_length",
    "lam_1": "entropy_weight",
    "lam_2": "classification_weight",
    "total_epochs": "epochs",
    "save_term": "save_every",
}
TEXTS = {
    "num_codebooks": "Number of codebooks, the segments of a code.",
    "codeword_bits": "Bits of a segment; a codebook has 2**codeword_bits codewords.",
    "codeword_length": "Dimensions of a codeword.",
    "alpha": "Scale of the soft assignment.",
    "beta": "Scale of the classifier's input.",
    "entropy_weight": "Weight of the subspace entropy of unlabelled images.",
    "classification_weight": "Weight of the classification of labelled images.",
    "learning_rate": "Of Adam, at the start.",
    "decay_steps": "Steps between two falls of the learning rate.",
    "decay_rate": "What the learning rate is multiplied by then.",
    "epochs": "Passes over the labelled images.",
    "batch_size": "Labelled images of a step; as many unlabelled ones go with them.",
    "save_every": "Epochs between two saved states.",
    "flip": "Mirror half of the training images, drawn at random.",
    "crop_padding": "Pixels of zeros around a training image before it is cropped at random.",
    "img_model": "Backbone: fixed_vgg (the original's) or tiny.",
}


def define(values):
    """Adds the flags to `values`."""
    common.define_config(values, Config(), TEXTS, ALIASES)
    for name in ("model_save_path", "model_load_path"):
        common.absl_flags.DEFINE_alias(name, "model", flag_values=values)
    if "relevance" in values:
        common.absl_flags.DEFINE_alias("cifar10_label_sim_path", "relevance", flag_values=values)
    if "pretrained" in values:
        common.absl_flags.DEFINE_alias("ImagNet_pretrained_path", "pretrained", flag_values=values)


def config(values):
    """The `Config` that the flags give."""
    return common.config_of(values, Config)
