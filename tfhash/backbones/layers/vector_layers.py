"""What happens to a vector before a network sees it."""

import keras
import numpy as np

NAME = "whitening"
SMALLEST = 1e-6  # of the largest variance: along directions with less, nothing is left


class Whitening(keras.layers.Layer):
    """(vector - mean) rotated to its principal axes, each divided by its standard deviation.

    Until `fit` it changes nothing. It learns nothing by a gradient.
    """

    def __init__(self, **options):
        super().__init__(trainable=False, name=NAME, **options)

    def build(self, input_shape):
        """Makes `mean` [width] and `axes` [width, width]."""
        width, fixed = input_shape[-1], {"trainable": False}
        self.mean = self.add_weight(shape=(width,), initializer="zeros", name="mean", **fixed)
        identity = keras.initializers.Identity()
        self.axes = self.add_weight(shape=(width,) * 2, initializer=identity, name="axes", **fixed)

    def fit(self, mean, covariance):
        """Takes over what whitens vectors of a mean `[width]` and a covariance `[width, width]`."""
        variances, axes = np.linalg.eigh(covariance)
        left = variances > SMALLEST * variances[-1]
        scale = np.where(left, 1 / np.sqrt(np.where(left, variances, 1)), 0)
        self.mean.assign(mean)
        self.axes.assign((axes * scale)[:, ::-1])  # that of the largest variance first

    def call(self, vectors):
        """`[batch, width]` -> `[batch, width]`."""
        return keras.ops.matmul(vectors - self.mean, self.axes)

    def compute_output_shape(self, input_shape):
        return input_shape
