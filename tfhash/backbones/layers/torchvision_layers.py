"""What torchvision's networks share: padding, initial weights, and the last layers."""

import keras
import tensorflow as tf

from tfhash.backbones.layers.dropout import Dropout

LAST_STD = 0.01  # of the initial weights of the last layer
# Of PyTorch's linear layers and convolutions: uniform within 1 / sqrt(fan_in).
TORCH_UNIFORM = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
KAIMING = keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")


class Conv2D(keras.layers.Conv2D):
    """A convolution with as many pixels of zeros on all four sides, as PyTorch pads.

    Keras' "same" puts the odd pixel at the end, which differs where the stride is 2.

    Args:
        filters, size, stride: of `keras.layers.Conv2D`.
        padding: pixels on each side.
    """

    def __init__(self, filters, size, stride=1, padding=0, **options):
        # Not by the list of paddings that `tf.nn.conv2d` takes: oneDNN has no gradients of it,
        # and TensorFlow's own take twice the time.
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


def classifier(x, output_dim, *, dtype, layers, dropout_first):
    """Adds the two wide linear layers of AlexNet or VGG, and the last layer, to a Keras tensor.

    Args:
        x: `[batch, height, width, channels]`; read by channel, row and column, as PyTorch lays
            images out.
        output_dim: width of the last layer.
        dtype: Keras dtype policy.
        layers: names of the two linear layers.
        dropout_first: drops half of the inputs of a linear layer (AlexNet), else of its outputs.
    """
    x = keras.layers.Permute((3, 1, 2), dtype=dtype, name="channels_first")(x)
    x = keras.layers.Flatten(dtype=dtype, name="flat")(x)
    for number, name in enumerate(layers):
        drop = Dropout(0.5, dtype=dtype, name=f"dropout{number}")
        x = drop(x) if dropout_first else x
        x = keras.layers.Dense(
            4096,
            activation="relu",
            kernel_initializer=TORCH_UNIFORM if dropout_first else normal(),
            dtype=dtype,
            name=name,
        )(x)
        x = x if dropout_first else drop(x)
    return hash_layer(x, output_dim, dtype=dtype)


def hash_layer(x, output_dim, *, dtype):
    """Adds the last linear layer; it keeps float32 under the mixed policies."""
    return keras.layers.Dense(
        output_dim,
        kernel_initializer=normal(),
        dtype=keras.DTypePolicy(dtype).variable_dtype,
        name="hash_layer",
    )(x)


def normal():
    """The initial weights of a last layer: N(0, 0.01)."""
    return keras.initializers.RandomNormal(stddev=LAST_STD)
