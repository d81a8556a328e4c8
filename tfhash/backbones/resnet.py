"""torchvision's residual networks.

Reference: He et al., CVPR 2016; torchvision, models/resnet.py; thuml/HashNet,
pytorch/src/network.py, ResNetFc.
"""

import functools

from tfhash.backbones.layers import batch_norm, keras_weights
from tfhash.backbones.layers import torchvision_layers as layers
from tfhash.lazy import keras

DEPTHS = {  # blocks of each stage
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
LEAST = 2  # pixels of a side
BOTTLENECK = 50  # networks of this depth and more have blocks of three convolutions


NAMES = tuple(f"ResNet{depth}" for depth in DEPTHS)


def backbone(name):
    """The `Backbone`, by names like ResNet50."""
    depth = int(name.removeprefix("ResNet"))
    network = functools.partial(features, depth=depth)
    of_keras = functools.partial(keras_weights.of_resnet, DEPTHS[depth])
    known = of_keras if depth >= BOTTLENECK else None
    return layers.backbone(name, network, of_keras=known, least=LEAST)


def features(images, *, depth, dtype="float32", dropout=None):
    """`[batch, height, width, 3]` normalised RGB -> `[batch, 512]`, or 2048 from ResNet50 on.

    Layers carry torchvision's names. The deeper networks have their stride in the 3x3
    convolution, as torchvision has (and Keras has not). It has no dropout.

    Args:
        images: Keras tensor.
        depth: 18, 34, 50, 101 or 152.
        dtype: Keras dtype policy.
    """
    x = _convolution(images, 64, 7, 2, ("conv1", "bn1"), dtype)
    x = keras.layers.ReLU(dtype=dtype, name="relu")(x)
    # The values are not negative, so that zeros pad as well as the minus infinity of PyTorch.
    x = keras.layers.ZeroPadding2D(1, dtype=dtype, name="padding")(x)
    x = keras.layers.MaxPooling2D(3, 2, dtype=dtype, name="maxpool")(x)
    for stage, count in enumerate(DEPTHS[depth]):
        for block in range(count):
            x = _block(
                x,
                64 * 2**stage,
                stride=2 if stage and not block else 1,
                bottleneck=depth >= BOTTLENECK,
                name=f"layer{stage + 1}.{block}",
                dtype=dtype,
            )
    return keras.layers.GlobalAveragePooling2D(dtype=dtype, name="avgpool")(x)


def _convolution(x, channels, size, stride, names, dtype):
    """A convolution without bias and its batch norm."""
    x = layers.Conv2D(
        channels,
        size,
        stride,
        size // 2,
        use_bias=False,
        kernel_initializer=layers.kaiming(),
        dtype=dtype,
        name=names[0],
    )(x)
    return batch_norm.BatchNormalization(dtype=dtype, name=names[1])(x)


def _block(x, channels, *, stride, bottleneck, name, dtype):
    """Two convolutions of 3x3, or 1x1, 3x3 and 1x1, beside a short cut."""
    shape = (
        ((1, channels, 1), (3, channels, stride), (1, 4 * channels, 1))
        if bottleneck
        else ((3, channels, stride), (3, channels, 1))
    )
    last = shape[-1][1]
    short, inputs = x, x
    if stride > 1 or inputs.shape[-1] != last:
        names = (f"{name}.downsample.0", f"{name}.downsample.1")
        short = _convolution(inputs, last, 1, stride, names, dtype)
    for number, (size, width, step) in enumerate(shape, 1):
        names = (f"{name}.conv{number}", f"{name}.bn{number}")
        x = _convolution(x, width, size, step, names, dtype)
        if number < len(shape):
            x = keras.layers.ReLU(dtype=dtype, name=f"{name}.relu{number}")(x)
    x = keras.layers.Add(dtype=dtype, name=f"{name}.add")([x, short])
    return keras.layers.ReLU(dtype=dtype, name=name)(x)
