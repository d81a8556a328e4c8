"""The VGG-like network of GPQ, for images of any size from 8x8 pixels."""

import keras

from tfhash.backbones.layers import batch_norm

BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512))  # channels of each convolution


def build(output_dim, *, dtype="float32"):
    """Builds `[batch, height, width, 3]` float images -> `[batch, output_dim]` float32.

    Ten 3x3 convolutions in four blocks with max-pooling between them; the linear layer reads
    the averages of the last and of the last but one block, `[batch, 512 + 256]`. Layers carry
    the names of the original's variables. `dtype` is a Keras dtype policy; the linear layer
    keeps float32 under the mixed ones.
    Reference: Jang & Cho, CVPR 2020; youngkyunJang/GPQ, utils/GPQ_network.py, GPQ.F.
    """
    images = keras.Input((None, None, 3), name="images")
    x = keras.layers.Activation("linear", dtype=dtype)(images)
    pooled = []
    index = 0
    for block, widths in enumerate(BLOCKS):
        if block:
            x = keras.layers.MaxPooling2D(2, dtype=dtype, name=f"pool{block}")(x)
        if block == len(BLOCKS) - 1:
            pooled.append(keras.layers.GlobalAveragePooling2D(dtype=dtype, name="branch")(x))
        for position, channels in enumerate(widths):
            name = f"conv2d_{index}" if index else "conv2d"
            x = keras.layers.Conv2D(channels, 3, padding="same", dtype=dtype, name=name)(x)
            name = f"batch{block}-{position}" if position else f"batch{block}"
            x = batch_norm.ZeroDebiasedBatchNormalization(dtype=dtype, name=name)(x)
            x = keras.layers.ReLU(dtype=dtype, name=f"relu{index}")(x)
            index += 1
    pooled.append(keras.layers.GlobalAveragePooling2D(dtype=dtype, name="trunk")(x))
    features = keras.layers.Concatenate(dtype=dtype, name="pooled")(pooled[::-1])
    wide = keras.DTypePolicy(dtype).variable_dtype
    outputs = keras.layers.Dense(output_dim, dtype=wide, name="dense")(features)
    return keras.Model(images, outputs, name="Fixed_VGG")
