"""Batch normalisation as TensorFlow 1's contrib layer does it with a zero-debiased mean."""

import keras
import tensorflow as tf


class ZeroDebiasedBatchNormalization(keras.layers.Layer):
    """Batch norm over all but the last axis; the moving mean is bias-corrected, the variance not.

    A call with `training=True` normalises by its own batch and then updates

        biased += (1 - momentum) (batch mean - biased);  local_step += 1
        moving_mean = biased / (1 - momentum ** local_step)
        moving_variance += (1 - momentum) (unbiased batch variance - moving_variance)

    so two calls in a step make two updates, in the order of the calls. Under a distribution
    strategy the batch is that of all replicas, and the statistics are the same on each.

    Args:
        momentum: share that a moving statistic keeps at an update, in (0, 1).
        epsilon: added to the variance, in squared input units; > 0.
        synchronized: False takes each replica's statistics by themselves.
    Reference: tf.contrib.layers.batch_norm(zero_debias_moving_mean=True), as called by
    youngkyunJang/GPQ, utils/Functions.py, Batch_Normalization.
    """

    def __init__(self, momentum=0.9, epsilon=0.001, **options):
        super().__init__(**options)
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, input_shape):
        """Makes six variables: four of `[channels]` and `local_step`, a scalar."""
        channels = (input_shape[-1],)
        self.beta = self.add_weight(shape=channels, initializer="zeros", name="beta")
        self.gamma = self.add_weight(shape=channels, initializer="ones", name="gamma")
        self.moving_mean = self._statistic(channels, "zeros", "moving_mean")
        self.moving_variance = self._statistic(channels, "ones", "moving_variance")
        self.biased = self._statistic(channels, "zeros", "biased")
        self.local_step = self._statistic((), "zeros", "local_step")

    def _statistic(self, shape, initializer, name):
        # Every replica computes the same value, so that of the first is written to all.
        return self.add_weight(
            shape=shape,
            initializer=initializer,
            name=name,
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )

    def call(self, inputs, training=False):
        """`inputs` and result `[batch, ..., channels]`, of the layer's compute dtype."""
        if not training:
            return self._normalize(inputs, self.moving_mean, self.moving_variance)
        context = tf.distribute.get_replica_context()
        replicas = context.num_replicas_in_sync if context else 1
        if replicas == 1 and inputs.dtype != tf.float64:  # the fused kernel has no float64
            outputs, mean, variance = self._fused(inputs)
        else:
            outputs, mean, variance = self._over_replicas(inputs, context, replicas)
        self._update(mean, variance)
        return outputs

    def _fused(self, inputs):
        results = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.cast(self.gamma, tf.float32),
            offset=tf.cast(self.beta, tf.float32),
            mean=tf.zeros([0]),
            variance=tf.zeros([0]),
            epsilon=self.epsilon,
            is_training=True,
        )
        return results[:3]

    def _over_replicas(self, inputs, context, replicas):
        def mean_of(values):
            mean = tf.reduce_mean(values, axis=list(range(len(values.shape) - 1)))
            if replicas == 1:
                return mean
            return context.all_reduce(tf.distribute.ReduceOp.SUM, mean) / replicas

        wide = tf.cast(inputs, self.variable_dtype)
        mean = mean_of(wide)
        variance = mean_of(tf.math.squared_difference(wide, mean))
        count = tf.cast(tf.size(inputs) // inputs.shape[-1] * replicas, variance.dtype)
        outputs = self._normalize(inputs, mean, variance)
        return outputs, mean, variance * (count / (count - 1))

    def _normalize(self, inputs, mean, variance):
        scale = tf.cast(self.gamma, self.variable_dtype) * tf.math.rsqrt(variance + self.epsilon)
        shift = tf.cast(self.beta, self.variable_dtype) - mean * scale
        return inputs * tf.cast(scale, inputs.dtype) + tf.cast(shift, inputs.dtype)

    def _update(self, mean, variance):
        mean = tf.cast(mean, self.variable_dtype)
        variance = tf.cast(variance, self.variable_dtype)
        self.biased.assign_add((1 - self.momentum) * (mean - self.biased))
        self.local_step.assign_add(1)
        self.moving_mean.assign(self.biased / (1 - self.momentum**self.local_step))
        self.moving_variance.assign_add((1 - self.momentum) * (variance - self.moving_variance))

    def compute_output_shape(self, input_shape):
        return input_shape
