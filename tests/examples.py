"""Small data and models that several tests use."""

import dataclasses

import numpy as np

from tfhash import data, methods
from tfhash.training.hasher import Hasher

CLASSES = tuple("abcdefghij")
# A small version of every method: a network of seconds, a batch that two replicas can halve.
BINARY = {"output_dim": 16, "img_model": "tiny", "batch_size": 20, "iter_num": 12}
QUANTIZED = {
    "output_dim": 16, "n_subspace": 2, "n_subcenter": 8, "img_model": "tiny", "batch_size": 20,
    "cq_lambda": 0.01,
}  # fmt: skip
SMALL = {
    "gpq": {"num_codebooks": 4, "img_model": "tiny", "batch_size": 20, "epochs": 3},
    "dch": BINARY,
    "dhn": BINARY,
    "hash_table": {
        "stage": "hash",
        "img_model": "tiny",
        "batch_size": 20,
        "epochs": 3,
        "buckets": 16,
        "active": 2,
        "image_size": 16,
    },  # fmt: skip
    "dqn": QUANTIZED | {"iter_num": 12},
    "dvsq": QUANTIZED | {"iter_num": 12, "wordvec_dict": "orthogonal"},
    "dtq": QUANTIZED | {"epochs": 3, "n_part": 2, "learning_rate": 0.001},
    "hashnet": {
        "bits": 16,
        "img_model": "tiny",
        "batch_size": 10,
        "resize_size": 0,
        "crop_size": 14,
        "learning_rate": 0.01,
        "epochs": 3,
        "iterations_per_epoch": 4,
        "scale_step": 3,
    },
    "latent": {
        "bits": 16,
        "img_model": "tiny",
        "finetune_all": True,
        "batch_size": 20,
        "epochs": 3,
        "learning_rate": 0.1,
    },
}


def config(name, **changes):
    """The small `Config` of a method."""
    return dataclasses.replace(methods.load(name).Config(), **SMALL[name] | changes)


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


def split(labels):
    """A training part of black images with these `[n, classes]` labels, all of them labelled."""
    pool = data.ArrayImages(np.zeros((len(labels), 8, 8, 3), np.uint8))
    return data.Split(pool, np.arange(len(labels)), labels, np.ones(len(labels), bool))


def hasher(name, changes=(), **options):
    """An untrained small model of a method, with `changes` of its settings."""
    return Hasher(name, config(name, **dict(changes)), classes=CLASSES, **options)
