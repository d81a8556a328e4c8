"""Files of GPQ: ImageNet weights in a .mat file, trained models in TF1 checkpoints.

Original: youngkyunJang/GPQ, train.py, Demo.py, utils/.
"""

import dataclasses
import os

import numpy as np

from tfhash import checks, originals
from tfhash.backbones import fixed_vgg
from tfhash.originals.readers import tf1

METHODS = ("gpq",)
WEIGHTS = "models"
BACKBONE = "fixed_vgg"
FLAG = "is_training"  # in every checkpoint, added by tflearn, without a meaning
HEAD = {"codebooks": "Z", "prototypes": "C"}


def read(model, path):
    """Fills a model from a checkpoint of the original, or its backbone from published weights."""
    prefix = tf1.prefix_of(path)
    if prefix is not None:
        return _read_checkpoint(model, prefix)
    if model.backbone.name == BACKBONE and not os.fspath(path).endswith(".mat"):
        raise ValueError(
            f"Expected a .mat file or a TF1 checkpoint (NAME.ckpt with NAME.ckpt.index "
            f"beside it). Received: {path}."
        )
    return originals.read_backbone(model, path)


def _read_checkpoint(model, prefix):
    wanted = {original_name(name): v for name, v in originals.variables(model).items()}
    stored = tf1.read(prefix)
    missing = sorted(set(wanted) - set(stored))
    if missing:
        raise ValueError(
            f"`{prefix}`: the model's variables {missing} are missing. Expected a checkpoint "
            "of the original GPQ."
        )
    arrays = {name: stored[name] for name in wanted}
    checks.assign(wanted, arrays, prefix)
    others = tf1.of_model(set(stored) - set(wanted) - {FLAG})
    return originals.summary(prefix, arrays, unexpected=others)


def write(model, path):
    """Writes a TF1 checkpoint that the original's Demo.py reads, with as many books and words.

    Its Saver restores all variables of a graph without an optimizer, tflearn's flag among them.
    """
    if model.backbone.name != BACKBONE:
        raise ValueError(
            f"Expected a model on the backbone {BACKBONE}, which the original's checkpoints are "
            f"of. Received: img_model={model.backbone.name}."
        )
    variables = originals.variables(model).items()
    arrays = {original_name(name): v.numpy().astype(np.float32) for name, v in variables}
    tf1.write(path, arrays | {FLAG: np.bool_(False)})


def original_name(name):
    """The TF1 name of a variable of GPQ, such as Z or Fixed_VGG/conv2d/kernel."""
    return HEAD.get(name) or fixed_vgg.original_name(name)


def recognizes(method, shapes):
    """Whether a file is of a trained model of GPQ."""
    return {"Z", "C", "Fixed_VGG/dense/kernel"} <= set(shapes)


def config_of(config, shapes):
    """`config` and the number of classes of a checkpoint with these variables."""
    words, dim = shapes["Z"]
    if dim != config.dim:
        raise ValueError(
            f"The checkpoint's codebooks are {dim} wide. Expected num_codebooks * "
            f"codeword_length. Received: {config.num_codebooks} * {config.codeword_length}. "
            "Give --num_codebooks and --codeword_length."
        )
    bits = int(words).bit_length() - 1
    return dataclasses.replace(config, codeword_bits=bits), shapes["C"][0]
