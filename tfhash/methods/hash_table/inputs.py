"""Images less the mean of the training images, pixel by pixel."""

import dataclasses

import numpy as np

from tfhash.inputs import Input
from tfhash.lazy import keras, tf


@dataclasses.dataclass(frozen=True, kw_only=True)
class PixelMean(Input):
    """Images in 0..1 less `mean`, a `[height, width, 3]` variable that belongs to the model.

    Original: maestrojeong/Deep-Hash-Table-ICML18, process/cifar_process.py.
    """

    mean: "keras.Variable | None" = None  # quoted: Keras comes later

    def check(self, size):
        height, width = size
        if (height, width) != (self.side, self.side):
            raise ValueError(
                f"Expected images of {self.side}x{self.side} pixels, of which the model takes off "
                f"a mean. Received: {height}x{width}. Use --image_size={height}."
            )
        super().check(size)

    def prepare(self, images):
        with tf.init_scope():  # a number, also inside of a data pipeline's function
            mean = self.mean.numpy()
        if np.isnan(mean).any():  # of a file of the original, which does not hold it
            raise ValueError(
                "The model has no mean of its training images, which a checkpoint does not hold. "
                "run_test.py and tfhash.evaluate take it from the dataset."
            )
        return tf.cast(images, tf.float32) / 255 - mean
