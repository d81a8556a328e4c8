"""AlexNet as Caffe trained it: two convolution groups, and responses normalised locally.

Reference: Krizhevsky, Sutskever & Hinton, NIPS 2012; thulab/DeepHash, architecture/__init__.py,
img_alexnet_layers.
"""

import functools
import os

from tfhash import checks
from tfhash.backbones.base import Backbone, Pixels, Weights
from tfhash.backbones.layers import caffe_layers
from tfhash.backbones.layers import dropout as dropouts
from tfhash.lazy import keras
from tfhash.originals.readers import caffe, mat, npy

NAMES = ("alexnet", "bvlc_alexnet")
BVLC = NAMES[1]
SIDE = 227  # pixels of the images it takes
MEAN = (123.68, 116.779, 103.939)  # RGB of ImageNet, in 0..255; subtracted from the images
UNCROPPED = 256  # side of the images that DeepHash crops
DROPOUT = 0.5
LAYOUT = "the layers conv1 to fc7, in an .npy file as {'conv1': [weights, biases], ...}"
READERS = {".mat": mat.read_matconvnet, ".caffemodel": caffe.read}  # others are .npy files
FIRST = "conv1/kernel"  # [rows, columns, channels of the image, outputs]
LAST_STD = 0.01  # of the initial weights of the last layer
LAYERS = {  # name: shape of its kernel, as the published .npy files hold it
    "conv1": (11, 11, 3, 96),
    "conv2": (5, 5, 48, 256),
    "conv3": (3, 3, 256, 384),
    "conv4": (3, 3, 192, 384),
    "conv5": (3, 3, 192, 256),
    "fc6": (9216, 4096),
    "fc7": (4096, 4096),
}


def backbone(name):
    """The `Backbone`; the images are in 0..255 less `MEAN`."""
    shared = {"linear": "fc8", "tail": ("fc6", "fc7"), "sides": (SIDE,)}
    if name == BVLC:
        return Backbone(
            name=name,
            features=bvlc_features,
            resized=SIDE,
            pixels=Pixels(MEAN, channels="bgr"),
            read=functools.partial(read, "bgr"),
            published="bvlc_alexnet.npy",
            files=("bvlc_alexnet.npy",),
            **shared,
        )
    return Backbone(
        name=name,
        features=features,
        resized=UNCROPPED,
        pixels=Pixels(MEAN),
        linear_std=LAST_STD,
        read=functools.partial(read, "rgb"),
        published="reference_pretrain.npy of thulab/DeepHash",
        files=("reference_pretrain.npy", "reference_pretrain.npy.zip"),
        **shared,
    )


def read(channels, path, variables):
    """Caffe's weights of the layers to fc7: an .npy file of {"conv1": [weights, biases], ...},
    a .caffemodel file, or a .mat file of MatConvNet.

    Args:
        channels: "rgb" or "bgr", the order in which the network takes them. That of the first
            kernel of an .npy file is taken to be the same: nothing in it says so.
        path, variables: as of `Backbone.read`.
    """
    reader = READERS.get(os.path.splitext(path)[1])
    stored = (reader or npy.read)(path)
    checks.complete(variables, stored, path, LAYOUT)
    arrays = {name: stored[name] for name in variables}
    if reader and channels == "bgr":  # these readers give RGB
        arrays[FIRST] = arrays[FIRST][:, :, ::-1]
    return Weights(arrays, unexpected=tuple(set(stored) - set(arrays)))


def bvlc_features(images, *, dtype="float32", dropout=None):
    """As `features`, of BGR images; responses are normalised before the pooling.

    fc6 and fc7 draw biases like weights, as latent hashing does, which does not take them from
    the file. Original: shashankiyer/Learning-bit-codes-for-images, model/alexnet.py.
    """
    start = {"kernel_initializer": "glorot_uniform", "bias_initializer": "glorot_uniform"}
    return features(images, dtype=dtype, dropout=dropout, order="lrn_pool", dense_options=start)


def features(images, *, dtype="float32", dropout=None, order="pool_lrn", dense_options=None):
    """`[batch, 227, 227, 3]` -> `[batch, 4096]`, not negative: the layers conv1 to fc7.

    Args:
        images: Keras tensor.
        dtype: Keras dtype policy.
        dropout: share of the outputs of fc6 and fc7 that is dropped in training; None for 1/2.
        order: "pool_lrn" pools before the local response normalisation (DeepHash), "lrn_pool"
            after it (Caffe's own AlexNet).
        dense_options: arguments of `keras.layers.Dense` for fc6 and fc7, such as initializers.
    Raises:
        ValueError: an unknown `order`.
    """
    if order not in ("pool_lrn", "lrn_pool"):
        raise ValueError(f"Expected `order` to be pool_lrn or lrn_pool. Received: {order!r}.")

    def reduced(x, number):
        for part in order.split("_"):
            if part == "pool":
                x = keras.layers.MaxPooling2D(3, 2, dtype=dtype, name=f"pool{number}")(x)
            else:
                x = caffe_layers.LocalResponseNormalization(dtype=dtype, name=f"lrn{number}")(x)
        return x

    x = keras.layers.Conv2D(96, 11, 4, activation="relu", dtype=dtype, name="conv1")(images)
    x = reduced(x, 1)
    x = caffe_layers.GroupedConv2D(256, 5, groups=2, dtype=dtype, name="conv2")(x)
    x = reduced(x, 2)
    x = caffe_layers.GroupedConv2D(384, 3, groups=1, dtype=dtype, name="conv3")(x)
    x = caffe_layers.GroupedConv2D(384, 3, groups=2, dtype=dtype, name="conv4")(x)
    x = caffe_layers.GroupedConv2D(256, 3, groups=2, dtype=dtype, name="conv5")(x)
    x = keras.layers.MaxPooling2D(3, 2, dtype=dtype, name="pool5")(x)
    x = keras.layers.Flatten(dtype=dtype, name="flat")(x)
    rate = DROPOUT if dropout is None else dropout
    for name in ("fc6", "fc7"):
        wide = keras.layers.Dense(
            4096, activation="relu", dtype=dtype, name=name, **(dense_options or {})
        )
        x = dropouts.Dropout(rate, dtype=dtype, name=f"drop{name[-1]}")(wide(x))
    return x
