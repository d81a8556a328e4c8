"""No network: a vector is its own feature."""

from tfhash.backbones.base import VectorBackbone

NAMES = ("identity",)


def backbone(name):
    """The `Backbone`, for vectors."""
    return VectorBackbone(name=name, features=features)


def features(vectors, *, dtype="float32", dropout=None):
    """`[batch, width]` as they are."""
    return vectors
