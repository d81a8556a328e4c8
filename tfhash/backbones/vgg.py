"""torchvision's VGG networks, with and without batch normalisation.

Reference: Simonyan & Zisserman, ICLR 2015; torchvision, models/vgg.py; thuml/HashNet,
pytorch/src/network.py, VGGFc.
"""

import functools

from tfhash.backbones.layers import batch_norm, keras_weights
from tfhash.backbones.layers import torchvision_layers as layers
from tfhash.lazy import keras

SIDE = 224  # pixels of the images they take
WIDTHS = (64, 128, 256, 512, 512)  # channels of the convolutions of each block
DEPTHS = {  # convolutions of each block
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}


NAMES = tuple(f"VGG{depth}{norm}" for norm in ("", "BN") for depth in DEPTHS)
KERAS = ("VGG16", "VGG19")  # networks of keras.applications
DENSE = ("classifier.0", "classifier.3")


def backbone(name):
    """The `Backbone`, by names like VGG16 and VGG16BN (with batch normalisation)."""
    depth, norm = int(name.removesuffix("BN").removeprefix("VGG")), name.endswith("BN")
    network = functools.partial(features, depth=depth, norm=norm)
    of_keras = functools.partial(keras_weights.of_vgg, DEPTHS[depth])
    known = of_keras if name in KERAS else None
    return layers.backbone(name, network, of_keras=known, sides=(SIDE,), tail=DENSE)


def features(images, *, depth, norm=False, dtype="float32", dropout=None):
    """`[batch, 224, 224, 3]` normalised RGB -> `[batch, 4096]`; layers carry torchvision's names.

    Args:
        images: Keras tensor.
        depth: 11, 13, 16 or 19.
        norm: batch normalisation after each convolution.
        dtype: Keras dtype policy.
        dropout: share of the outputs of the two linear layers that is dropped; None for 1/2.
    """
    x, index = images, 0
    for count, channels in zip(DEPTHS[depth], WIDTHS):
        for _ in range(count):
            start = {"kernel_initializer": layers.kaiming(), "name": f"features.{index}"}
            x = layers.Conv2D(channels, 3, padding=1, dtype=dtype, **start)(x)
            if norm:
                index += 1
                x = batch_norm.BatchNormalization(dtype=dtype, name=f"features.{index}")(x)
            x = keras.layers.ReLU(dtype=dtype, name=f"features.{index + 1}")(x)
            index += 2
        x = keras.layers.MaxPooling2D(2, dtype=dtype, name=f"features.{index}")(x)
        index += 1
    return layers.classifier(x, dtype=dtype, dropout=dropout, layers=DENSE, dropout_first=False)
