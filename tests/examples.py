"""Small data and models that several tests use."""

import numpy as np
import pytest

from tfhash import backbones, data, formats, methods, precision
from tfhash.model import Model
from tfhash.training.trainer import Trainer

CLASSES = tuple("abcdefghij")
# Settings that make a training one of seconds, where a method has them; a batch that two
# replicas can halve. Every method is tested by these: none is named.
SMALL = {
    "img_model": "tiny",
    "batch_size": 20,
    "epochs": 3,
    "iter_num": 12,
    "iterations_per_epoch": 4,
    "output_dim": 16,
    "bits": 16,
    "image_size": 16,
    "resize_size": 0,
    "crop_size": 14,
    "learning_rate": 0.01,
    "finetune_all": True,
    # of codes
    "num_codebooks": 4,
    "n_subspace": 2,
    "n_subcenter": 8,
    "codebooks": 2,
    "codeword_bits": 4,
    "dimensions": 8,
    "buckets": 16,
    "active": 2,
    # of what happens now and then
    "scale_step": 3,
    "n_part": 2,
    "wordvec_dict": "orthogonal",
    "stage": "hash",
}
# What a config.json holds at least.
SETTINGS = {
    "method": "gpq",
    "config": formats.OF_ALL | {"bits": 48},
    "classes": ["a", "b"],
    "precision": "float32",
    "seed": 0,
    "input": {"size": [16, 16], "pixels": None},
}


def config(name, **changes):
    """The small `Config` of a method."""
    return methods.load(name).Config.of(SMALL | changes)


def needs(policy):
    """Skips a test where this processor, as it is set, has no convolutions of a precision."""
    try:
        precision.check(policy)
    except ValueError as error:
        pytest.skip(str(error))


def network(name, width, dtype="float32"):
    """The network of a backbone to the outputs of its linear layer, `[batch, width]`."""
    backbone = backbones.load(name)
    return backbone.network(backbone.linear_layer(width, dtype=dtype), dtype=dtype)


def splits(count=120, size=16, classes=10, seed=0):
    """Noise around one pattern per class; a third is labelled, the last sixth are queries."""
    rng = np.random.default_rng(seed)
    numbers = np.arange(count) % classes
    patterns = rng.integers(0, 256, (classes, size, size, 3))
    noise = rng.integers(-60, 61, (count, size, size, 3))
    pool = data.ArrayImages(np.clip(patterns[numbers] + noise, 0, 255).astype(np.uint8))
    labels = np.eye(classes, dtype=np.uint8)[numbers]

    def part(index, labelled):
        return data.Split(pool, index, labels[index], np.broadcast_to(labelled, len(index)).copy())

    rest, query = np.split(np.arange(count), [count * 5 // 6])
    return data.Splits(
        "patterns",
        CLASSES[:classes],
        train=part(rest, rest < count // 3),
        query=part(query, True),
        database=part(rest, True),
    )


def vectors(count=120, width=32, classes=10, seed=0):
    """As `splits`, of vectors."""
    images = splits(count, 8, classes, seed)
    pixels = images.query.images.pixels.reshape(count, -1)[:, :width]
    pool = data.Vectors((pixels / 128 - 1).astype(np.float16))
    return images.with_pools(lambda _: pool)


def on_vectors(name, changes=(), splits=None, **options):
    """The trainer of a small model of a method for `vectors`, or for other `Splits` of vectors."""
    changes = {"img_model": "linear:16"} | dict(changes)
    shape = {"size": splits.query.images.size if splits else (32,)}
    classes = splits.trained_classes if splits else CLASSES
    made = Model(name, config(name, **changes), classes=classes, **shape, **options)
    return Trainer(made)


def split(labels):
    """A training part of black images with these `[n, classes]` labels, all of them labelled."""
    pool = data.ArrayImages(np.zeros((len(labels), 8, 8, 3), np.uint8))
    return data.Split(pool, np.arange(len(labels)), labels, np.ones(len(labels), bool))


def model(name, changes=(), **options):
    """An untrained small model of a method, with `changes` of its settings."""
    return Model(name, config(name, **dict(changes)), classes=CLASSES, size=(16, 16), **options)


def trainer(name, changes=(), **options):
    """The trainer of such a model."""
    return Trainer(model(name, changes, **options))
