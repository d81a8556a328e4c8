"""Layers of Caffe's AlexNet that Keras lacks: grouped convolutions, local normalisation."""

import keras
import numpy as np
import tensorflow as tf


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
