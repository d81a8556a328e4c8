"""Dropout whose masks go on after a resumption, and are over N replicas those of one."""

import keras
import numpy as np
import tensorflow as tf


class Dropout(keras.layers.Layer):
    """Sets a share of the inputs to zero in training and scales the others up.

    The masks follow from a seed, drawn when the layer is made, and the number of calls in training,
    both in the variable `draws`. Each replica takes its part of the mask of the global batch.
    (The variable of Keras' own layer has a name that depends on how many were made before.)

    Args:
        rate: share that is dropped, in [0, 1).
        whole: drops or keeps an item of the batch as a whole: stochastic depth.
    """

    def __init__(self, rate, *, whole=False, **options):
        super().__init__(**options)
        self.rate, self.whole = rate, whole

    def build(self, input_shape):
        """Makes `draws`, `[2]` int64: seed and calls."""
        self.draws = self.add_weight(
            shape=(2,),
            # From NumPy's global generator, which keras.utils.set_random_seed sets.
            initializer=lambda shape, dtype: np.array([np.random.randint(2**31), 0], dtype),
            dtype="int64",
            name="draws",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )

    def call(self, inputs, training=False):
        """`inputs` and result `[batch, ...]`."""
        if not training or not self.rate:
            return inputs
        context = tf.distribute.get_replica_context()
        replicas = context.num_replicas_in_sync if context else 1
        shape = tf.shape(inputs)
        single = (1,) * (len(inputs.shape) - 1)
        of_item = single if self.whole else shape[1:]
        of_all = tf.concat([shape[:1] * replicas, of_item], axis=0)
        drawn = tf.random.stateless_uniform(of_all, tf.identity(self.draws.value))
        self.draws.assign_add([0, 1])
        number = context.replica_id_in_sync_group if context else 0
        drawn = drawn[shape[0] * number : shape[0] * (number + 1)]
        scale = tf.cast(1 / (1 - self.rate), inputs.dtype)
        known = (inputs.shape[0], *single) if self.whole else inputs.shape
        kept = tf.ensure_shape(drawn >= self.rate, known)
        return inputs * tf.where(kept, scale, tf.zeros([], inputs.dtype))

    def compute_output_shape(self, input_shape):
        return input_shape
