"""Flags of latent hashing. They mirror shashankiyer/Learning-bit-codes-for-images."""

import json
import os

from absl import flags as absl_flags

from flags import common
from tfhash.methods.latent import MULTI_LABEL, Config

ALIASES = {"num_bits": "bits", "num_epochs": "epochs"}
TEXTS = {
    "bits": "Width of the latent layer: length of a code in bits.",
    "img_model": "Backbone: alexnet (the original's), or any other.",
    "finetune_all": "Train the convolutions too; else they stay as --pretrained gives them.",
    "load_fc": "Take fc6 and fc7 of --pretrained too, which the original draws anew.",
    "learning_rate": "Of plain gradient descent.",
    "batch_size": "Images of a step.",
    "epochs": "Passes over the training images.",
    "max_steps": "Steps at most, whatever the epochs.",
    "keep_prob": "Share of fc6 and fc7 of alexnet that dropout keeps.",
    "legacy_resize": "Resize as TensorFlow 1.15 does; else with half-pixel centres.",
    "multi_label": "Which classes of an image with several count, in training and test: "
    f"{' or '.join(MULTI_LABEL)}.",
    "threshold": "Bits: the search takes the items within this Hamming distance.",
    "k": "Of these the search keeps so many, the nearest by feature.",
    "save_summary_steps": "Steps between two histograms of weights and gradients.",
    "save_every": "Epochs between two saved states.",
}
# The keys of the original's params.json, and what they set; None: nothing here depends on it.
PARAMS = {
    "learning_rate": "learning_rate",
    "batch_size": "batch_size",
    "num_epochs": "epochs",
    "num_classes": "num_classes",
    "keep_prob": "keep_prob",
    "image_size": "image_size",
    "save_summary_steps": "save_summary_steps",
    "num_channels": None,
    "buffer_size": None,
    "num_labels": None,
    "num_parallel_calls": None,
}
MORE_PARAMS = {"max_steps": "max_steps"}  # which the original has in its script
WEIGHTS = "data/pretrained_alexnet/bvlc_alexnet.npy"  # where the original looks for them


def define(values):
    """Adds the flags to `values`."""
    common.define_config(values, Config(), TEXTS, ALIASES)
    absl_flags.DEFINE_alias("model_dir", "model", flag_values=values)
    absl_flags.DEFINE_flag(_Params(values), values)


def config(values):
    """The `Config` that the flags give; takes the weights from where the original has them."""
    found = common.config_of(values, Config)
    if "pretrained" in values and not common.given(values, "pretrained"):
        there = found.img_model == "alexnet" and os.path.isfile(WEIGHTS)
        values.pretrained = WEIGHTS if there else None
    return found


class _Params(absl_flags.Flag):
    """--model_config: the folder of a params.json, whose values the other flags overrule."""

    def __init__(self, values):
        text = "Folder of the original's params.json, or that file; other flags overrule it."
        serializer = absl_flags.ArgumentSerializer()
        super().__init__(absl_flags.ArgumentParser(), serializer, "model_config", None, text)
        self.values = values

    def parse(self, argument):
        super().parse(argument)
        for name, value in read_params(argument).items():
            flag = self.values[name]
            if not flag.present:
                flag.parse(value)


def read_params(path):
    """`{flag: value}` of a params.json.

    Args:
        path: the file, or its folder.
    Raises:
        ValueError: no such file, no JSON object, a key that is missing, unknown or no number.
    """
    path = os.path.join(path, "params.json") if os.path.isdir(path) else path
    try:
        with open(path, encoding="utf-8") as file:
            params = json.load(file)
    except OSError as error:
        raise ValueError(f"Expected params.json at `{path}`: {error.strerror}.") from error
    except ValueError as error:
        raise ValueError(f"`{path}` is no JSON file: {error}") from error
    if not isinstance(params, dict):
        raise ValueError(f"Expected an object {{...}} in `{path}`. Received: {params!r:.40}.")
    known = PARAMS | MORE_PARAMS
    missing, unknown = sorted(PARAMS.keys() - params.keys()), sorted(params.keys() - known.keys())
    if missing or unknown:
        raise ValueError(
            f"`{path}`: expected the keys {', '.join(PARAMS)}, and {', '.join(MORE_PARAMS)} if "
            f"you like. Missing: {missing}, unknown: {unknown}."
        )
    for key, value in params.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"`{path}`: expected a number as {key!r}. Received: {value!r}.")
    if params["num_channels"] != 3:
        raise ValueError(f"`{path}`: expected 3 as 'num_channels'. Received: "
                         f"{params['num_channels']}.")  # fmt: skip
    return {known[key]: value for key, value in params.items() if known[key]}
