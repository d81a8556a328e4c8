"""The VGG-like network of GPQ, for images of any size from 8x8 pixels.

Reference: Jang & Cho, CVPR 2020; youngkyunJang/GPQ, utils/GPQ_network.py, GPQ.F.
"""

from tfhash.backbones.base import Backbone, Weights
from tfhash.backbones.layers import batch_norm
from tfhash.lazy import keras
from tfhash.originals.readers import mat

NAMES = ("fixed_vgg",)
BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512))  # channels of each convolution
SCOPE = "Fixed_VGG"  # of the original's variables


def backbone(name):
    """The `Backbone`."""
    return Backbone(
        name=name,
        features=features,
        least=8,
        read=read,
        published="ImageNet_pretrained.mat of youngkyunJang/GPQ",
        files=("ImageNet_pretrained.mat",),
    )


def features(images, *, dtype="float32", dropout=None):
    """`[batch, height, width, 3]` -> `[batch, 768]`; it has no dropout.

    Ten 3x3 convolutions in four blocks with max-pooling between them; the features are the
    averages of the last block and of the last but one, 512 + 256. Layers carry the names of the
    original's variables.
    """
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
    return keras.layers.Concatenate(dtype=dtype, name="pooled")(pooled[::-1])


def read(path, variables):
    """The original's weights of ImageNet, a .mat file: what is trained, no moving statistics."""
    stored = mat.read(path)
    wanted = {name: original_name(name) for name, v in variables.items() if v.trainable}
    arrays = {name: stored[key] for name, key in wanted.items() if key in stored}
    if not arrays:
        raise ValueError(
            f"`{path}` holds none of the variables of {NAMES[0]}. Expected names like "
            f"{original_name('conv2d/kernel')!r}. It holds: {sorted(stored)[:3]}."
        )
    there, known = set(stored), set(wanted.values())
    return Weights(arrays, missing=tuple(known - there), unexpected=tuple(there - known))


def original_name(name):
    """The TF1 name of a variable of this network, such as Fixed_VGG/conv2d/kernel."""
    layer, _, leaf = name.partition("/")
    if leaf in ("biased", "local_step"):
        return f"{SCOPE}/{layer}/{SCOPE}/{layer}/moving_mean/{leaf}"
    return f"{SCOPE}/{layer}/{leaf}"
