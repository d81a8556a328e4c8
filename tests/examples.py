"""Small data and models that several tests use."""

import dataclasses

import numpy as np

from tfhash import data, methods
from tfhash.hasher import Hasher

CLASSES = tuple("abcdefghij")
# A small version of every method: a network of seconds, a batch that two replicas can halve.
BINARY = {"output_dim": 16, "img_model": "tiny", "batch_size": 20, "iter_num": 12}
SMALL = {
    "gpq": {"num_codebooks": 4, "img_model": "tiny", "batch_size": 20, "epochs": 3},
    "dch": BINARY,
    "dhn": BINARY,
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


def hasher(name, changes=(), **options):
    """An untrained small model of a method, with `changes` of its settings."""
    return Hasher(name, config(name, **dict(changes)), classes=CLASSES, **options)
