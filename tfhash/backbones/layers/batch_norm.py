"""Batch normalisation as PyTorch does it, and as TensorFlow 1's contrib layer does it."""

import keras
import tensorflow as tf


class BatchNormalization(keras.layers.Layer):
    """Batch norm over all but the last axis with PyTorch's moving statistics.

    A call with `training=True` normalises by its own batch and then updates

        moving_mean += (1 - momentum) (batch mean - moving_mean)
        moving_variance += (1 - momentum) (unbiased batch variance - moving_variance)

    so two calls in a step make two updates, in the order of the calls. Under a distribution
    strategy the batch is that of all replicas, and the statistics are the same on each.

    Args:
        momentum: share that a moving statistic keeps at an update, in (0, 1).
        epsilon: added to the variance, in squared input units; > 0.
        scale: whether there is a `gamma`, else it is 1.
        biased_variance: a moving variance is that of the batch itself, as in Keras' own layer.
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, *, scale=True, biased_variance=False, **options):
        super().__init__(**options)
        self.momentum, self.epsilon = momentum, epsilon
        self.scale, self.biased_variance = scale, biased_variance

    def build(self, input_shape):
        """Makes four variables of `[channels]`, or three without `scale`."""
        channels = (input_shape[-1],)
        self.beta = self.add_weight(shape=channels, initializer="zeros", name="beta")
        self.gamma = None
        if self.scale:
            self.gamma = self.add_weight(shape=channels, initializer="ones", name="gamma")
        self.moving_mean = self._statistic(channels, "zeros", "moving_mean")
        self.moving_variance = self._statistic(channels, "ones", "moving_variance")

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
        if not (training and self.trainable):  # what is not trained keeps its statistics too
            return self._by_moving_statistics(inputs)
        context = tf.distribute.get_replica_context()
        replicas = context.num_replicas_in_sync if context else 1
        if replicas == 1 and self._has_kernel(inputs):
            outputs, mean, variance = self._fused(inputs, training=True)
        else:
            outputs, mean, variance = self._over_replicas(inputs, context, replicas)
        mean = tf.cast(mean, self.variable_dtype)
        variance = tf.cast(variance, self.variable_dtype)
        if self.biased_variance:
            count = tf.cast(tf.size(inputs) // inputs.shape[-1] * replicas, variance.dtype)
            variance *= (count - 1) / count
        self._update(mean, variance)
        return outputs

    @staticmethod
    def _has_kernel(inputs):
        """Whether the fused kernel takes `inputs`; it has no float64."""
        return inputs.dtype != tf.float64 and len(inputs.shape) == 4

    def _by_moving_statistics(self, inputs):
        if self._has_kernel(inputs):
            return self._fused(inputs, training=False)[0]  # TensorFlow joins it to a convolution
        return self._normalize(inputs, self.moving_mean, self.moving_variance)

    def _fused(self, inputs, *, training):
        moving = (self.moving_mean, self.moving_variance)
        mean, variance = (tf.zeros([0]),) * 2 if training else map(tf.convert_to_tensor, moving)
        scale = tf.ones_like(self.beta) if self.gamma is None else self.gamma
        results = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.cast(scale, tf.float32),
            offset=tf.cast(self.beta, tf.float32),
            mean=mean,
            variance=variance,
            epsilon=self.epsilon,
            is_training=training,
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
        return outputs, mean, variance * (count / tf.maximum(count - 1, 1))

    def _normalize(self, inputs, mean, variance):
        scale = tf.math.rsqrt(variance + self.epsilon)
        if self.gamma is not None:
            scale *= tf.cast(self.gamma, self.variable_dtype)
        shift = tf.cast(self.beta, self.variable_dtype) - mean * scale
        return inputs * tf.cast(scale, inputs.dtype) + tf.cast(shift, inputs.dtype)

    def _update(self, mean, variance):
        self.moving_mean.assign_add((1 - self.momentum) * (mean - self.moving_mean))
        self.moving_variance.assign_add((1 - self.momentum) * (variance - self.moving_variance))

    def compute_output_shape(self, input_shape):
        return input_shape


class ZeroDebiasedBatchNormalization(BatchNormalization):
    """Batch norm whose moving mean is bias-corrected, the variance not.

    A call with `training=True` normalises by its own batch and then updates

        biased += (1 - momentum) (batch mean - biased);  local_step += 1
        moving_mean = biased / (1 - momentum ** local_step)
        moving_variance += (1 - momentum) (unbiased batch variance - moving_variance)

    Args:
        momentum, epsilon: as in `BatchNormalization`.
    Reference: tf.contrib.layers.batch_norm(zero_debias_moving_mean=True), as called by
    youngkyunJang/GPQ, utils/Functions.py, Batch_Normalization.
    """

    def __init__(self, momentum=0.9, epsilon=0.001, **options):
        super().__init__(momentum, epsilon, **options)

    def build(self, input_shape):
        """Makes six variables: five of `[channels]` and `local_step`, a scalar."""
        super().build(input_shape)
        self.biased = self._statistic((input_shape[-1],), "zeros", "biased")
        self.local_step = self._statistic((), "zeros", "local_step")

    def _by_moving_statistics(self, inputs):
        return self._normalize(inputs, self.moving_mean, self.moving_variance)

    def _update(self, mean, variance):
        self.biased.assign_add((1 - self.momentum) * (mean - self.biased))
        self.local_step.assign_add(1)
        self.moving_mean.assign(self.biased / (1 - self.momentum**self.local_step))
        self.moving_variance.assign_add((1 - self.momentum) * (variance - self.moving_variance))
