"""Files of latent hashing: Caffe's weights (.npy), checkpoints of the original.

Original: shashankiyer/Learning-bit-codes-for-images.
"""

import dataclasses
import os

import numpy as np

from tfhash import checks, originals
from tfhash.originals.readers import npy, tf1

METHODS = ("latent",)
DATA_DIRS = ("data",)
WEIGHTS = "data/pretrained_alexnet"
BACKBONE = "bvlc_alexnet"
LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fclat", "fc8")


def read(model, path):
    """Fills a model from a checkpoint of the original, or its backbone from published weights.

    Of published weights the last layers of the backbone stay as they are drawn, as in the
    original, but with `load_fc`.
    """
    prefix = tf1.prefix_of(path)
    if prefix is None:
        skip = () if model.config.load_fc else model.backbone.tail
        return originals.read_backbone(model, path, skip=skip)
    wanted = originals.variables(model)
    stored = {_our_name(name): array for name, array in tf1.read(prefix).items()}
    layout = f"the layers {', '.join(LAYERS)} with weights and biases"
    checks.complete(wanted, stored, path, layout)
    arrays = {name: stored[name] for name in wanted}
    checks.assign(wanted, arrays, path)
    return originals.summary(path, arrays)


def beside(method, dataset, folder):
    """Queries are searched in the images of the training: its list is the database's too."""
    return {"database_file": os.path.abspath(os.path.join(folder, "train.txt"))}


def write(model, path):
    """Writes a TF1 checkpoint that the original's similarity_search.py reads from its folder."""
    if model.backbone.name != BACKBONE:
        raise ValueError(
            f"Expected a model on the backbone {BACKBONE}, which the original's checkpoints are "
            f"of. Received: img_model={model.backbone.name}."
        )
    variables = originals.variables(model).items()
    arrays = {_original_name(name): v.numpy().astype(np.float32) for name, v in variables}
    # At step 0 a training of the original would put Caffe's weights in their place.
    tf1.write(path, arrays | {"global_step": np.int64(1)})


def recognizes(method, shapes):
    """Whether a file is a checkpoint of the original."""
    return {f"{layer}/weights" for layer in LAYERS} <= set(shapes)


def config_of(config, shapes):
    """`config` and the number of classes of a checkpoint of the original."""
    width, classes = shapes["fc8/weights"]
    return dataclasses.replace(config, bits=int(width), img_model=BACKBONE), int(classes)


def _original_name(name):
    layer, _, leaf = name.partition("/")
    leaves = {ours: theirs for theirs, ours in npy.LEAVES.items()}
    return f"{layer}/{leaves.get(leaf, leaf)}"


def _our_name(name):
    layer, _, leaf = name.partition("/")
    return f"{layer}/{npy.LEAVES.get(leaf, leaf)}"
