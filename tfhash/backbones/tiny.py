"""A network of two small convolutions: trains in seconds, for tests and first tries."""

import keras

from tfhash.backbones.layers import batch_norm


def build(output_dim, *, dtype="float32"):
    """Builds `[batch, height, width, 3]` float images -> `[batch, output_dim]` float."""
    images = keras.Input((None, None, 3), name="images")
    x = images
    for block, channels in enumerate((16, 32)):
        x = keras.layers.Conv2D(
            channels, 3, strides=2, padding="same", dtype=dtype, name=f"conv{block}"
        )(x)
        x = batch_norm.ZeroDebiasedBatchNormalization(dtype=dtype, name=f"norm{block}")(x)
        x = keras.layers.ReLU(dtype=dtype, name=f"relu{block}")(x)
    x = keras.layers.GlobalAveragePooling2D(dtype=dtype, name="pooled")(x)
    wide = keras.DTypePolicy(dtype).variable_dtype
    outputs = keras.layers.Dense(output_dim, dtype=wide, name="dense")(x)
    return keras.Model(images, outputs, name="tiny")
