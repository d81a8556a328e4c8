"""Files of the DeepHash library: AlexNet's weights in .npy files, features of a test.

Original: thulab/DeepHash, architecture/__init__.py, and `save_model` and `validation` of its
models.
"""

import dataclasses
import os
import pathlib

import numpy as np

from tfhash import checks, files, originals
from tfhash.backbones import alexnet
from tfhash.originals.readers import npy

METHODS = ("dch", "dhn", "dqn", "dtq", "dvsq")
DATA_DIRS = ("~/data",)
WEIGHTS = "../../DeepHash/architecture/pretrained_model"  # from the folder of an example
COMPOSITE = ("dqn", "dtq", "dvsq")
RANKS = dict.fromkeys(("nuswide_81", "coco", "nuswide_21", "imagenet"), 5000)
RANKS |= {"cifar10": 54000, "cifar10_zero_shot": 15000}
# The script of DQN has one R for all its datasets.
TOPS = dict.fromkeys(METHODS, RANKS) | {"dqn": dict.fromkeys((*RANKS, "cub"), 5)}
BACKBONE = "alexnet"
LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")


def read(model, path):
    """Fills a model from weights to start from, or from a trained model.

    A published file has no last layer and no centres; that of a trained model has them. Caffe's
    and MatConvNet's files have a last layer of ImageNet, which is passed over.
    """
    if model.backbone.name != BACKBONE or os.path.splitext(path)[1] in alexnet.READERS:
        return originals.read_backbone(model, path)
    stored, wanted = npy.read(path), originals.variables(model)
    checks.complete(originals.backbone_variables(model), stored, path, alexnet.LAYOUT)
    _check_width(wanted["fc8/kernel"].shape[1], stored, path)
    arrays = {name: stored[name] for name in wanted if name in stored}
    checks.assign(wanted, arrays, path)
    return originals.summary(path, arrays, set(wanted) - set(arrays), set(stored) - set(arrays))


def _check_width(width, stored, path):
    there = stored["fc8/kernel"].shape[1] if "fc8/kernel" in stored else width
    if there != width:
        raise ValueError(
            f"`{path}` has outputs {there} wide in fc8. Expected output_dim={width}. Give "
            f"--output_dim={there}, or a file without fc8 to start from."
        )


def write(model, path):
    """Writes the weights and centres as the originals' `save_model` does."""
    if model.backbone.name != BACKBONE:
        raise ValueError(
            f"Expected a model on the backbone {BACKBONE}, which the original's files are of. "
            f"Received: img_model={model.backbone.name}."
        )
    npy.write(path, {name: v.numpy() for name, v in originals.variables(model).items()})


def beside(method, dataset, folder):
    """The word vectors of DVSQ, where they lie."""
    path = os.path.abspath(os.path.join(folder, f"{dataset}_wordvec.txt"))
    return {"wordvec_dict": path} if method == "dvsq" and os.path.isfile(path) else {}


def recognizes(method, shapes):
    """Whether a file is of a trained model of `method`: AlexNet, for some with centres."""
    layers = {f"{layer}/kernel" for layer in LAYERS} <= set(shapes)
    return layers and (method not in COMPOSITE or "C" in shapes)


def config_of(config, shapes):
    """`config` with the width in the file, and 10 classes, since a file names none.

    Raises:
        ValueError: another width or number of centres than those asked for.
    """
    width = int(shapes["fc8/kernel"][1])
    default = type(config)().output_dim
    if hasattr(config, "n_subspace"):
        count, expected = int(shapes["C"][0]), config.n_subspace * config.n_subcenter
        if count != expected:
            raise ValueError(
                f"The file has {count} centres. Expected n_subspace * n_subcenter. Received: "
                f"{config.n_subspace} * {config.n_subcenter}. Give --n_subspace."
            )
    if config.output_dim not in (default, width):
        raise ValueError(
            f"The file's outputs are {width} wide. Received: output_dim={config.output_dim}."
        )
    return dataclasses.replace(config, output_dim=width, img_model=BACKBONE), 10


def report(result, folder):
    """Writes features.npz of the quantizers: outputs, reconstructions and labels of both parts."""
    if not hasattr(result.head, "quantized"):
        return []
    query, database = result.query, result.database
    arrays = {
        "db_features": database.outputs,
        "db_reconstr": result.codes.decode(),
        "db_label": database.labels,
        "val_features": query.outputs,
        "val_reconstr": result.head.quantized(query.outputs, result.codes).decode(),
        "val_label": query.labels,
    }
    path = pathlib.Path(folder) / "features.npz"
    with files.whole(path) as partial:
        np.savez(partial, **arrays)
    return [path]
