"""Flags that the methods of thulab/DeepHash share, by the names of their scripts."""

import os

from absl import flags as absl_flags

from flags import common

ALIASES = {"lr": "learning_rate", "b": "batch_size", "vb": "val_batch_size"}
TEXTS = {
    "output_dim": "Width of the outputs; the bits of a code of DCH and DHN.",
    "img_model": "Backbone: alexnet (the original's, for images of 256 pixels), fixed_vgg, tiny.",
    "with_tanh": "Squash the outputs by tanh.",
    "finetune_all": "Train all layers; else the last one alone.",
    "batch_size": "Images of a step.",
    "val_batch_size": "Images encoded at once; AlexNet sees ten crops of each.",
    "learning_rate": "Of momentum 0.9; biases take 2, the last layer 10 and its bias 20 of it.",
    "decay_step": "Steps between two falls of the learning rate.",
    "decay_factor": "What the learning rate is multiplied by then.",
    "save_every": "Epochs between two saved states.",
    "flip": "Mirror half of the training images, drawn at random.",
    "iter_num": "Steps of the training.",
}

QUANTIZER_ALIASES = {
    "subspace": "n_subspace",
    "subspace_num": "n_subspace",
    "subcenter": "n_subcenter",
    "max_iter": "iter_num",
    "learning_rate_decay_factor": "decay_factor",
}
QUANTIZER_TEXTS = {
    "n_subspace": "Codebooks; a code is the sum of a centre of each.",
    "n_subcenter": "Centres of a codebook.",
    "max_iter_update_b": "Sweeps over the codebooks when codes are updated.",
    "max_iter_update_Cb": "Rounds of codes and centres in an update.",
    "cq_lambda": "Weight of the distance of outputs from what their codes stand for.",
}


def define(values, config, texts, aliases):
    """Adds a flag for each field of `config`, and those of the scripts beside them.

    Args:
        values: the `FlagValues` to fill.
        config: a method's `Config` with its defaults.
        texts: `{field: help text}` of the method's own fields.
        aliases: `{name in the original: field}` of all.
    """
    common.define_config(values, config, TEXTS | texts, aliases)
    weights = "pretrained" if "pretrained" in values else "model"
    for alias, name in (("model_weights", weights), ("gpu", "gpus"), ("data_root", "data_dir")):
        absl_flags.DEFINE_alias(alias, name, flag_values=values)
    absl_flags.DEFINE_flag(_Opposite("without_tanh", "with_tanh", values), values)
    common.define(values, "save_dir", None, "Folder of the model directory.", str)
    common.define(values, "log_dir", None, "Accepted; the logs are in MODEL/tensorboard.", str)
    common.define(values, "evaluate", False, "Only test: what run_test.py does.")
    absl_flags.DEFINE_alias("e", "evaluate", flag_values=values)


def config(values, method):
    """The `Config` that the flags give; `--save_dir` sets `--model` where that is left out.

    Args:
        values: parsed `FlagValues`.
        method: the method's module.
    """
    if values.evaluate and "resume" in values:
        raise ValueError("`--evaluate` asks for a test. Use run_test.py --model=models/NAME.")
    settings = common.config_of(values, method.Config)
    if values.save_dir and not values.model:
        name = method.Method.model_name(settings)
        values.model = os.path.join(os.path.expanduser(values.save_dir), name)
    return settings


class _Opposite(absl_flags.BooleanFlag):
    """A switch that turns another one off."""

    def __init__(self, name, target, values):
        super().__init__(name, False, f"The opposite of --{target}.")
        self.target = values[target]

    def parse(self, argument):
        super().parse(argument)
        self.target.parse(not self.value)
