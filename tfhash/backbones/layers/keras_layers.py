"""Networks of keras.applications made anew of layers that keep what tfhash promises.

Batch norm is that of all replicas, the masks of dropout go on after a resumption, and the names of
variables do not depend on what was built before.
"""

import collections
import re

import keras
import tensorflow as tf

from tfhash.backbones.layers.batch_norm import BatchNormalization
from tfhash.backbones.layers.dropout import Dropout

PIXELS = (keras.layers.Rescaling, keras.layers.Normalization)  # `Pixels` of a backbone does it


class LayerScale(keras.layers.Layer):
    """Multiplies each channel by a weight, `gamma`; Keras' own layer gives it no name.

    Args:
        start: its initial value.
    """

    def __init__(self, start, **options):
        super().__init__(**options)
        self.start = start

    def build(self, input_shape):
        """Makes `gamma`, `[channels]`."""
        start = keras.initializers.Constant(self.start)
        self.gamma = self.add_weight(shape=(input_shape[-1],), initializer=start, name="gamma")

    def call(self, inputs):
        """`[..., channels]` -> the same shape."""
        return inputs * self.gamma


class DepthwiseConv2D(keras.layers.Conv2D):
    """A convolution of each channel alone, `[size, size, 1, channels]`, padded to the same size.

    Keras' Conv2D with as many groups as channels, which TensorFlow computes on a CPU only by XLA.
    """

    def call(self, inputs):
        """`[batch, height, width, channels]` -> the same shape."""
        kernel = tf.transpose(tf.convert_to_tensor(self.kernel), (0, 1, 3, 2))
        outputs = tf.nn.depthwise_conv2d(inputs, kernel, (1, 1, 1, 1), "SAME")
        return tf.nn.bias_add(outputs, tf.convert_to_tensor(self.bias))


def rebuilt(model, images, *, dtype, dropout=None):
    """The outputs of a Keras model on `images`, of new layers with new weights.

    Layers that normalise pixels are left out, and those of inner models stand alone. Names that
    Keras counts through the process, such as conv2d_1, are counted through the network.

    Args:
        model: of Keras' functional kind, with one input.
        images: Keras tensor that takes the place of its input.
        dtype: Keras dtype policy.
        dropout: share that its layers of dropout drop; None for their own. Stochastic depth, which
            drops whole items, keeps its own.
    """
    counts = collections.Counter()

    def made(operation):
        """The new operations in place of one: a list, to be called one after the other."""
        if isinstance(operation, keras.Sequential):
            return [new for layer in operation.layers for new in made(layer)]
        if isinstance(operation, PIXELS):
            return []
        config = operation.get_config() | {"name": _name(operation, counts)}
        if isinstance(operation, keras.layers.Layer):
            config["dtype"] = dtype
        return [_new(operation, config, dropout)]

    def called(operations, *inputs, **options):
        # Keras keeps what a layer may take, such as a mask; a new one may not know it.
        options = {name: value for name, value in options.items() if value is not None}
        for operation in operations:
            inputs, options = (operation(*inputs, **options),), {}
        return inputs[0]

    return keras.models.clone_model(
        model, input_tensors=images, clone_function=made, call_function=called
    ).output


def _name(operation, counts):
    """The name of an operation; one that Keras has made of its class, counted by `counts`."""
    kind = re.sub(r"_\d+$", "", operation.name)
    if kind.replace("_", "") != type(operation).__name__.lower():
        return operation.name
    counts[kind] += 1
    return kind if counts[kind] == 1 else f"{kind}_{counts[kind] - 1}"


def _new(operation, config, dropout):
    """A new operation like another, of a kind that keeps the promises.

    Args:
        operation: of a network of keras.applications.
        config: its own, with the name and dtype of the new one.
        dropout: as for `rebuilt`.
    """
    plain = {name: config[name] for name in ("name", "dtype") if name in config}
    if isinstance(operation, keras.layers.BatchNormalization):
        kept = {name: config[name] for name in ("momentum", "epsilon", "scale")}
        return BatchNormalization(biased_variance=True, **kept, **plain)
    if isinstance(operation, keras.layers.Dropout):
        whole = config["noise_shape"] is not None
        rate = config["rate"] if whole or dropout is None else dropout
        return Dropout(rate, whole=whole, **plain)
    if type(operation).__name__ == LayerScale.__name__:
        return LayerScale(config["init_values"], **plain)
    if isinstance(operation, keras.layers.Conv2D) and config["groups"] > 1:
        return DepthwiseConv2D.from_config(config)
    return type(operation).from_config(config)
