"""Preprocessing of a batch of images in TensorFlow; random numbers come from a seed per batch."""

import tensorflow as tf


def normalize(images, mean, std):
    """`[batch, height, width, 3]` uint8 -> float32: (image - mean) / std, by channel.

    Args:
        images: RGB in 0..255.
        mean, std: three numbers in the units of `images`.
    Original: youngkyunJang/GPQ, utils/cifar10.py, color_preprocessing.
    """
    images = tf.cast(images, tf.float32)
    return (images - tf.constant(mean, tf.float32)) / tf.constant(std, tf.float32)


def random_flip(images, seed):
    """Mirrors each image left to right with probability 1/2; `seed` is `[2]` int."""
    flipped = tf.random.stateless_uniform([tf.shape(images)[0], 1, 1, 1], seed) < 0.5
    return tf.where(flipped, tf.reverse(images, [2]), images)


def random_crop(images, padding, seed):
    """Shifts each image by up to `padding` pixels each way; what comes in at a side is zero.

    The same as zero-padding on all sides and cropping to the old size at a random place.

    Args:
        images: `[batch, height, width, channels]`.
        padding: pixels.
        seed: `[2]` int.
    """
    batch, height, width = tf.unstack(tf.shape(images)[:3])
    wide = tf.pad(images, [[0, 0], [padding, padding], [padding, padding], [0, 0]])
    offsets = tf.random.stateless_uniform([batch, 2], seed, maxval=2 * padding + 1, dtype=tf.int32)
    rows = offsets[:, :1] + tf.range(height)
    columns = offsets[:, 1:] + tf.range(width)
    cropped = tf.gather(tf.gather(wide, rows, batch_dims=1), columns, axis=2, batch_dims=1)
    return tf.ensure_shape(cropped, images.shape)
