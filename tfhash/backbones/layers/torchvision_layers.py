"""What torchvision's networks share: padding, initial weights, and the last layers."""

import functools

import keras
import tensorflow as tf

from tfhash.backbones import base
from tfhash.backbones.layers import keras_weights
from tfhash.backbones.layers.dropout import Dropout
from tfhash.originals.readers import pth

KERAS = {"keras": "the ImageNet weights of keras.applications"}  # in place of a path

LAST_STD = 0.01  # of the initial weights of the last layer


def torch_uniform():
    """Of PyTorch's linear layers and convolutions: uniform within 1 / sqrt(fan_in)."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def kaiming():
    """Of torchvision's convolutions before a ReLU. A new one for each layer: an initializer has
    its seed from the moment it is made, and gives the same values whenever it is used."""
    return keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")


def normal():
    """Of torchvision's linear layers: N(0, 0.01)."""
    return keras.initializers.RandomNormal(stddev=LAST_STD)


class Conv2D(keras.layers.Conv2D):
    """A convolution with as many pixels of zeros on all four sides, as PyTorch pads.

    Keras' "same" puts the odd pixel at the end, which differs where the stride is 2.

    Args:
        filters, size, stride: of `keras.layers.Conv2D`.
        padding: pixels on each side.
    """

    def __init__(self, filters, size, stride=1, padding=0, **options):
        # Not the list of paddings that `tf.nn.conv2d` takes: TensorFlow computes its gradients
        # without oneDNN, in twice the time.
        same = stride == 1 and 2 * padding == size - 1
        super().__init__(filters, size, stride, "same" if same else "valid", **options)
        self.pixels = 0 if same else padding  # added before the convolution

    def call(self, inputs):
        """`[batch, height, width, channels]` -> `[batch, height', width', filters]`."""
        if self.pixels:
            sides = [self.pixels, self.pixels]
            inputs = tf.pad(inputs, [[0, 0], sides, sides, [0, 0]])
        return super().call(inputs)

    def compute_output_shape(self, input_shape):
        """The shape of what `call` returns."""
        batch, *sides, channels = input_shape
        sides = [side and side + 2 * self.pixels for side in sides]
        return super().compute_output_shape((batch, *sides, channels))


def backbone(name, features, *, of_keras=None, tail=(), **options):
    """The `Backbone` of a torchvision network.

    Args:
        name, features: as `Backbone` has them.
        of_keras: `{variable of keras.applications: array}` -> `{variable: array}`; None where
            Keras has no such network.
        tail, options: further attributes of `Backbone`.
    """
    return base.Backbone(
        name=name,
        features=features,
        pixels=base.IMAGENET,
        linear="hash_layer",
        linear_std=LAST_STD,
        tail=tail,
        read=functools.partial(read, name, of_keras, tail),
        published=f"torchvision's .pth file of {name}",
        files=(f"{name.lower().replace('bn', '_bn')}-*.pth",),
        words=KERAS,
        **options,
    )


def read(name, of_keras, tail, path, variables):
    """The weights of a .pth file of torchvision; or of keras.applications, for `KERAS`.

    Layers of the tail that are absent from `variables` are not read.
    """
    layers = {variable.rpartition("/")[0] for variable in variables}
    unread = tuple(f"{layer}." for layer in tail if layer not in layers)
    if path not in KERAS:
        arrays = {k: a for k, a in pth.read(path)[0].items() if not k.startswith(unread)}
        return base.Weights(pth.fitting(variables, arrays, path, head=False))
    if of_keras is None:
        raise ValueError(
            f"keras.applications has no weights of {name}. Give a torchvision .pth file as "
            "--pretrained."
        )
    arrays = of_keras(keras_weights.download(name))
    return base.Weights({name: arrays[name] for name in variables})


def classifier(x, *, dtype, dropout, layers, dropout_first):
    """Adds the two wide linear layers of AlexNet or VGG to a Keras tensor: `[batch, 4096]`.

    Args:
        x: `[batch, height, width, channels]`; read by channel, row and column, as PyTorch lays
            images out.
        dtype: Keras dtype policy.
        dropout: share that is dropped; None for one half.
        layers: names of the two linear layers.
        dropout_first: drops inputs of a linear layer (AlexNet), else its outputs.
    """
    rate = 0.5 if dropout is None else dropout
    x = keras.layers.Permute((3, 1, 2), dtype=dtype, name="channels_first")(x)
    x = keras.layers.Flatten(dtype=dtype, name="flat")(x)
    start = torch_uniform if dropout_first else normal
    options = {"activation": "relu", "dtype": dtype}
    for number, name in enumerate(layers):
        drop = Dropout(rate, dtype=dtype, name=f"dropout{number}")
        wide = keras.layers.Dense(4096, name=name, kernel_initializer=start(), **options)
        x = wide(drop(x)) if dropout_first else drop(wide(x))
    return x
