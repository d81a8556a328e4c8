"""The layer of the network in network that Keras lacks."""

import keras
import tensorflow as tf


class Classifier(keras.layers.Layer):
    """Passes its input on, and holds the weights of the original's classifier.

    No loss of the original reads its logits, but the weight decay counts its kernel. The bias has
    no gradient.

    Args:
        classes: number of logits.
    """

    def __init__(self, classes, **options):
        super().__init__(**options)
        self.classes = classes

    def build(self, input_shape):
        """Makes `kernel` `[1, 1, channels, classes]` and `bias` `[classes]`."""
        self.kernel = self.add_weight(
            shape=(1, 1, input_shape[-1], self.classes), initializer="he_normal", name="kernel"
        )
        fixed = {"trainable": False, "initializer": "zeros"}
        self.bias = self.add_weight(shape=(self.classes,), name="bias", **fixed)

    def call(self, inputs):
        return inputs

    def logits(self, inputs):
        """`[batch, height, width, channels]` -> `[batch, classes]`."""
        scores = tf.nn.conv2d(tf.nn.relu(inputs), self.kernel, 1, "SAME") + self.bias
        return tf.reduce_mean(scores, axis=[1, 2])

    def compute_output_shape(self, input_shape):
        return input_shape
