"""Small hash tables, for several tests."""

from tests import examples
from tfhash.methods import hash_table
from tfhash.model import Model

TINY = {
    "img_model": "tiny",
    "image_size": 16,
    "batch_size": 20,
    "batch_classes": 10,
    "buckets": 16,
    "embedding_dim": 16,
    "epochs": 2,
}
HASH = {"stage": "hash"}


def config(**changes):
    return hash_table.Config(**TINY | changes)


def method_of(**changes):
    return hash_table.Method(config(**changes), num_classes=10)


def model_of(**changes):
    return Model("hash_table", config(**changes), classes=examples.CLASSES, size=(16, 16))
