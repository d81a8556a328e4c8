"""torchvision's AlexNet: one tower, no local normalisation, no groups."""

import keras

from tfhash.backbones.layers import torchvision_layers as layers

SIDE = 224  # pixels of the images it takes
# Index in torchvision's `features`, channels, kernel, stride, padding, whether a pool follows.
CONVOLUTIONS = (
    (0, 64, 11, 4, 2, True),
    (3, 192, 5, 1, 2, True),
    (6, 384, 3, 1, 1, False),
    (8, 256, 3, 1, 1, False),
    (10, 256, 3, 1, 1, True),
)


def build(output_dim, *, dtype="float32"):
    """Builds `[batch, 224, 224, 3]` normalised RGB -> `[batch, output_dim]` linear outputs.

    Layers carry torchvision's names; the last is called hash_layer.
    Reference: Krizhevsky, One weird trick, 2014; torchvision, models/alexnet.py; thuml/HashNet,
    pytorch/src/network.py, AlexNetFc.
    """
    images = keras.Input((SIDE, SIDE, 3), name="images")
    x = images
    for index, channels, size, stride, padding, pooled in CONVOLUTIONS:
        x = layers.Conv2D(
            channels,
            size,
            stride,
            padding,
            kernel_initializer=layers.TORCH_UNIFORM,
            dtype=dtype,
            name=f"features.{index}",
        )(x)
        x = keras.layers.ReLU(dtype=dtype, name=f"features.{index + 1}")(x)
        if pooled:
            x = keras.layers.MaxPooling2D(3, 2, dtype=dtype, name=f"features.{index + 2}")(x)
    outputs = layers.classifier(
        x,
        output_dim,
        dtype=dtype,
        layers=("classifier.1", "classifier.4"),
        dropout_first=True,
    )
    return keras.Model(images, outputs, name="AlexNet")
