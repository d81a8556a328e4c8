"""Dropout whose masks can be resumed, and are those of one device on several."""

import keras
import tensorflow as tf


class Dropout(keras.layers.Layer):
    """Sets a share of the inputs to 0 in training and divides the rest by what is kept.

    The state of the random numbers is a variable under this layer's name, unlike that of Keras'
    layer, whose name counts all such layers of a process. On several replicas the mask is that
    of the whole batch, of which each replica takes its part.

    Args:
        rate: the share, in [0, 1).
    """

    def __init__(self, rate, **options):
        super().__init__(**options)
        self.rate = rate
        self._seed = keras.src.random.seed_generator.make_default_seed()

    def build(self, input_shape):
        """Makes `state`, `[2]` int64: a seed, and how often it was used."""
        self.state = self.add_weight(
            shape=(2,),
            initializer=lambda shape, dtype: tf.constant([self._seed, 0], tf.int64),
            dtype="int64",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
            name="state",
        )

    def call(self, inputs, training=False):
        """`[batch, ...]` -> the same shape and dtype."""
        if not training or not self.rate:
            return inputs
        context = tf.distribute.get_replica_context()
        replicas = context.num_replicas_in_sync if context else 1
        number = context.replica_id_in_sync_group if context else 0
        shape = tf.shape(inputs)
        whole = tf.concat([shape[:1] * replicas, shape[1:]], axis=0)
        drawn = tf.random.stateless_uniform(whole, tf.convert_to_tensor(self.state))
        self.state.assign_add(tf.constant([0, 1], tf.int64))
        drawn = drawn[shape[0] * number : shape[0] * (number + 1)]
        scale = tf.cast(1 / (1 - self.rate), inputs.dtype)
        kept = tf.ensure_shape(drawn >= self.rate, inputs.shape)
        return inputs * tf.where(kept, scale, tf.zeros([], inputs.dtype))

    def compute_output_shape(self, input_shape):
        """The shape of what `call` returns."""
        return input_shape
