"""torchvision's AlexNet: one tower, no local normalisation, no groups.

Reference: Krizhevsky, One weird trick, 2014; torchvision, models/alexnet.py; thuml/HashNet,
pytorch/src/network.py, AlexNetFc.
"""

from tfhash.backbones.layers import torchvision_layers as layers
from tfhash.lazy import keras

NAMES = ("AlexNet",)
SIDE = 224  # pixels of the images it takes
# Index in torchvision's `features`, channels, kernel, stride, padding, whether a pool follows.
CONVOLUTIONS = (
    (0, 64, 11, 4, 2, True),
    (3, 192, 5, 1, 2, True),
    (6, 384, 3, 1, 1, False),
    (8, 256, 3, 1, 1, False),
    (10, 256, 3, 1, 1, True),
)


def backbone(name):
    """The `Backbone`."""
    return layers.backbone(name, features, sides=(SIDE,), tail=("classifier.1", "classifier.4"))


def features(images, *, dtype="float32", dropout=None):
    """`[batch, 224, 224, 3]` normalised RGB -> `[batch, 4096]`. Layers have torchvision's names."""
    x = images
    for index, channels, size, stride, padding, pooled in CONVOLUTIONS:
        x = layers.Conv2D(
            channels,
            size,
            stride,
            padding,
            kernel_initializer=layers.torch_uniform(),
            dtype=dtype,
            name=f"features.{index}",
        )(x)
        x = keras.layers.ReLU(dtype=dtype, name=f"features.{index + 1}")(x)
        if pooled:
            x = keras.layers.MaxPooling2D(3, 2, dtype=dtype, name=f"features.{index + 2}")(x)
    names = ("classifier.1", "classifier.4")
    return layers.classifier(x, dtype=dtype, dropout=dropout, layers=names, dropout_first=True)
