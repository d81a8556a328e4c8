"""The network in network of Jeong & Song, for images of any size from 4x4 pixels.

Reference: Jeong & Song, ICML 2018; maestrojeong/Deep-Hash-Table-ICML18, tfops/nets.py, conv1.
"""

from tfhash.backbones.base import Backbone
from tfhash.backbones.layers import dropout as dropouts
from tfhash.backbones.layers import nin_layers
from tfhash.lazy import keras

NAMES = ("nin",)
SLOPE = 1 / 5.5  # of the leaky ReLUs below 0
# (output channels, side of the kernel) of each convolution, by block; blocks end in a pooling.
BLOCKS = (((192, 5), (160, 1), (96, 1)), ((192, 5), (192, 1), (192, 1)), ((192, 3), (192, 1)))
DROPOUT = 0.5
CLASSES = 100  # of the classifier that no loss reads


def backbone(name):
    """The `Backbone`."""
    return Backbone(name=name, features=features, least=4, decayed_only=("conv2d_8",))


def features(images, *, dtype="float32", dropout=None):
    """`[batch, height, width, 3]` -> `[batch, 192]`, not negative.

    Eight convolutions in three blocks, leaky ReLUs after all but the last, a max and an average
    pooling with dropout (of one half) between the blocks; then the spatial mean, named "last",
    and a ReLU. Layers carry the numbers of the original's variables.
    """
    rate = DROPOUT if dropout is None else dropout
    x, number = images, 0
    for block, layers in enumerate(BLOCKS):
        if block:
            pool = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)[block - 1]
            x = pool(3, strides=2, padding="same", dtype=dtype, name=f"pool{block}")(x)
            x = dropouts.Dropout(rate, dtype=dtype, name=f"dropout{block}")(x)
        for channels, side in layers:
            start = {"kernel_initializer": "he_normal", "name": f"conv2d_{number}"}
            x = keras.layers.Conv2D(channels, side, padding="same", dtype=dtype, **start)(x)
            number += 1
            if number < 8:
                x = keras.layers.LeakyReLU(SLOPE, dtype=dtype, name=f"relu_{number - 1}")(x)
    x = nin_layers.Classifier(CLASSES, dtype=dtype, name=f"conv2d_{number}")(x)
    x = keras.layers.GlobalAveragePooling2D(dtype=dtype, name="last")(x)
    return keras.layers.ReLU(dtype=dtype, name="features")(x)
