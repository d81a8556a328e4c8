"""torchvision's VGG networks, with and without batch normalisation."""

import keras

from tfhash.backbones.layers import batch_norm
from tfhash.backbones.layers import torchvision_layers as layers

SIDE = 224  # pixels of the images they take
WIDTHS = (64, 128, 256, 512, 512)  # channels of the convolutions of each block
DEPTHS = {  # convolutions of each block
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}


def build(output_dim, *, depth, norm=False, dtype="float32"):
    """Builds `[batch, 224, 224, 3]` normalised RGB -> `[batch, output_dim]` linear outputs.

    Layers carry torchvision's names; the last is called hash_layer.

    Args:
        output_dim: width of the last layer.
        depth: 11, 13, 16 or 19.
        norm: batch normalisation after each convolution.
        dtype: Keras dtype policy; the last layer keeps float32 under the mixed ones.
    Reference: Simonyan & Zisserman, ICLR 2015; torchvision, models/vgg.py; thuml/HashNet,
    pytorch/src/network.py, VGGFc.
    """
    images = keras.Input((SIDE, SIDE, 3), name="images")
    x, index = images, 0
    for count, channels in zip(DEPTHS[depth], WIDTHS):
        for _ in range(count):
            x = layers.Conv2D(
                channels,
                3,
                padding=1,
                kernel_initializer=layers.KAIMING,
                dtype=dtype,
                name=f"features.{index}",
            )(x)
            if norm:
                index += 1
                x = batch_norm.BatchNormalization(dtype=dtype, name=f"features.{index}")(x)
            x = keras.layers.ReLU(dtype=dtype, name=f"features.{index + 1}")(x)
            index += 2
        x = keras.layers.MaxPooling2D(2, dtype=dtype, name=f"features.{index}")(x)
        index += 1
    outputs = layers.classifier(
        x,
        output_dim,
        dtype=dtype,
        layers=("classifier.0", "classifier.3"),
        dropout_first=False,
    )
    return keras.Model(images, outputs, name=f"VGG{depth}{'BN' if norm else ''}")
