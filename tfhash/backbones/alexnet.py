"""AlexNet as Caffe trained it: two convolution groups, and responses normalised locally.

Reference: Krizhevsky, Sutskever & Hinton, NIPS 2012; thulab/DeepHash, architecture/__init__.py,
img_alexnet_layers.
"""

import functools
import os

import keras
import numpy as np
import tensorflow as tf

from tfhash import checks
from tfhash.backbones.base import Backbone, Pixels, Weights
from tfhash.backbones.layers.dropout import Dropout
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
                x = LocalResponseNormalization(dtype=dtype, name=f"lrn{number}")(x)
        return x

    x = keras.layers.Conv2D(96, 11, 4, activation="relu", dtype=dtype, name="conv1")(images)
    x = reduced(x, 1)
    x = GroupedConv2D(256, 5, groups=2, dtype=dtype, name="conv2")(x)
    x = reduced(x, 2)
    x = GroupedConv2D(384, 3, groups=1, dtype=dtype, name="conv3")(x)
    x = GroupedConv2D(384, 3, groups=2, dtype=dtype, name="conv4")(x)
    x = GroupedConv2D(256, 3, groups=2, dtype=dtype, name="conv5")(x)
    x = keras.layers.MaxPooling2D(3, 2, dtype=dtype, name="pool5")(x)
    x = keras.layers.Flatten(dtype=dtype, name="flat")(x)
    rate = DROPOUT if dropout is None else dropout
    for name in ("fc6", "fc7"):
        wide = keras.layers.Dense(
            4096, activation="relu", dtype=dtype, name=name, **(dense_options or {})
        )
        x = Dropout(rate, dtype=dtype, name=f"drop{name[-1]}")(wide(x))
    return x


class GroupedConv2D(keras.layers.Layer):
    """A convolution with stride 1, zero padding to the same size, bias and ReLU, in groups.

    Keras' Conv2D has groups too, but TensorFlow has no gradient of them on a CPU.

    Args:
        filters: channels that come out; a multiple of `groups`.
        size: pixels of a side of the kernel.
        groups: parts of the channels; each part of the outputs sees one part of the inputs.
    """

    def __init__(self, filters, size, *, groups, **options):
        super().__init__(**options)
        self.filters, self.size, self.groups = filters, size, groups

    def build(self, input_shape):
        """Makes `kernel` `[size, size, channels / groups, filters]` and `bias` `[filters]`."""
        shape = (self.size, self.size, input_shape[-1] // self.groups, self.filters)
        self.kernel = self.add_weight(shape=shape, initializer="glorot_uniform", name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, x):
        """`[batch, height, width, channels]` -> `[batch, height, width, filters]`."""
        kernel, bias = tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias)
        parts = [tf.split(array, self.groups, -1) for array in (x, kernel, bias)]
        # Bias and ReLU by group, before the copy that joins them: oneDNN does the three at once.
        parts = [
            tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(one, weights, 1, "SAME"), offset))
            for one, weights, offset in zip(*parts)
        ]
        return parts[0] if self.groups == 1 else tf.concat(parts, -1)

    def compute_output_shape(self, input_shape):
        """The shape of what `call` returns."""
        return (*input_shape[:-1], self.filters)


class LocalResponseNormalization(keras.layers.Layer):
    """x / (1 + alpha * the sum of the squares of the channel and two on each side) ** 0.75.

    The same as `tf.nn.local_response_normalization`, whose gradient takes 2.7 times as long on
    a CPU and knows no float64. Computed in float32 at least.

    Args:
        alpha: weight of the sum of squares (not of their mean, as Caffe writes it).
        radius: channels on each side.
    """

    def __init__(self, alpha=2e-5, radius=2, **options):
        super().__init__(**options)
        self.alpha, self.radius = alpha, radius

    def call(self, x):
        """`[..., channels]` -> the same shape."""
        wide = x if x.dtype == tf.float64 else tf.cast(x, tf.float32)
        return tf.cast(self._normalized(wide), x.dtype)

    def _normalized(self, x):
        number = np.arange(x.shape[-1])
        near = abs(number[:, None] - number) <= self.radius  # [channels, channels]
        near = tf.constant(near, x.dtype)

        @tf.custom_gradient
        def normalized(x):
            total = 1 + self.alpha * tf.tensordot(x * x, near, 1)
            root = tf.math.rsqrt(total)
            scale = root * tf.sqrt(root)  # total ** -0.75

            def gradient(upstream):
                scaled = upstream * scale
                spread = tf.tensordot(scaled * x / total, near, 1)
                return scaled - 1.5 * self.alpha * x * spread

            return x * scale, gradient

        return normalized(x)
