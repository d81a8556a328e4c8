"""Flags of latent hashing. They mirror shashankiyer/Learning-bit-codes-for-images."""

import json
import os

from flags import common
from tfhash import files

ALIASES = {"num_bits": "bits", "num_epochs": "epochs", "model_dir": "model"}
NETWORKS = {"alexnet": "bvlc_alexnet"}  # whose responses are normalised before the pooling
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


def define(values):
    """Adds the flags to `values`."""
    text = "Folder of the original's params.json, or that file; other flags overrule it."
    common.define(values, "model_config", None, text, str)


def translate(given, training):
    """Adds the values of params.json; networks have our names."""
    given = dict(given)
    if "model_config" in given:
        given = read_params(given.pop("model_config")) | given
    if "img_model" in given:
        given["img_model"] = NETWORKS.get(given["img_model"], given["img_model"])
    return given


def read_params(path):
    """`{flag: value}` of a params.json.

    Args:
        path: the file, or its folder.
    Raises:
        ValueError: no such file, no JSON object, a key that is missing, unknown or no number.
    """
    path = os.path.join(path, "params.json") if os.path.isdir(path) else path
    with files.opened(path, "params.json") as file:
        content = file.read()
    try:
        params = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"`{path}` is not a JSON file: {error}") from error
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
        channels = params["num_channels"]
        raise ValueError(f"`{path}`: expected 3 as 'num_channels'. Received: {channels}.")
    return {known[key]: value for key, value in params.items() if known[key]}
