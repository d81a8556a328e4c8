"""What backbones for vectors share: the widths in their names, a linear layer with batch norm."""

import re

from tfhash import config
from tfhash.backbones.layers import batch_norm
from tfhash.lazy import keras

LAYERS = 8


def widths(name, most=LAYERS):
    """The widths in a name such as mlp:1024x512, (1024, 512); () where it has none.

    Raises:
        ValueError: other words behind the colon, or more than `most` widths.
    """
    family, colon, text = name.partition(":")
    found = (
        [int(word) for word in text.split("x")] if re.fullmatch(r"\d{1,9}(x\d{1,9})*", text) else []
    )
    fits = 1 <= len(found) <= most and 1 <= min(found) <= max(found) <= config.WIDEST
    if colon and not fits:
        example = "x".join(["512", "256"][:most])
        raise ValueError(
            f"Expected a network like {family}:{example}, of 1 to {most} widths up to "
            f"{config.WIDEST}. Received: {name!r}."
        )
    return tuple(found)


def layer(x, width, number, dtype):
    """`[batch, any]` -> `[batch, width]`, of mean 0 and variance 1 over a training batch."""
    x = keras.layers.Dense(width, use_bias=False, dtype=dtype, name=f"hidden{number}")(x)
    return batch_norm.BatchNormalization(dtype=dtype, name=f"norm{number}")(x)
