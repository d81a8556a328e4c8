"""Preprocessing of a batch of images in TensorFlow; random numbers come from a seed per batch."""

from tfhash.lazy import tf


def normalize(images, mean, std=None):
    """`[batch, height, width, 3]` uint8 -> float32: (image - mean) / std, by channel.

    Args:
        images: RGB in 0..255.
        mean, std: three numbers in the units of `images`; None does not divide.
    Original: youngkyunJang/GPQ, utils/cifar10.py, color_preprocessing.
    """
    batch, height, width, channels = tf.unstack(tf.shape(images))
    # Whole rows at once: TensorFlow takes 2.5 times as long to broadcast over three numbers.
    rows = tf.cast(tf.reshape(images, [batch, height, width * channels]), tf.float32)
    rows -= tf.tile(tf.constant(mean, tf.float32), [width])
    if std is not None:
        rows /= tf.tile(tf.constant(std, tf.float32), [width])
    return tf.ensure_shape(tf.reshape(rows, tf.shape(images)), images.shape)


def random_flip(images, seed):
    """Mirrors each image left to right with probability 1/2; `seed` is `[2]` int."""
    batch, width = tf.shape(images)[0], tf.shape(images)[2]
    columns = tf.where(_coins(batch, seed), tf.range(width)[::-1], tf.range(width))
    mirrored = tf.gather(images, columns, axis=2, batch_dims=1)
    return tf.ensure_shape(mirrored, images.shape)


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


def flip_and_crop(images, seed, *, flip, padding):
    """`random_crop` after `random_flip`, if that is asked for; `seed` is `[2]` int."""
    coins, places = tf.unstack(tf.random.split(seed, 2))
    if flip:
        images = random_flip(images, coins)
    return random_crop(images, padding, places)


def random_crops(images, side, seed, *, flip=False):
    """Takes a square of each image at a random place.

    Args:
        images: `[batch, height, width, channels]`.
        side: pixels of the square.
        seed: `[2]` int.
        flip: also mirrors each with probability 1/2.
    Returns:
        `[batch, side, side, channels]`.
    """
    batch, height, width = tf.unstack(tf.shape(images)[:3])
    coins, place = tf.unstack(tf.random.split(seed, 2))
    limits = [height - side + 1, width - side + 1]
    rows, columns = (
        tf.random.stateless_uniform([batch, 1], place + number, maxval=limit, dtype=tf.int32)
        + tf.range(side)
        for number, limit in enumerate(limits)
    )
    if flip:
        columns = tf.where(_coins(batch, coins), width - 1 - columns, columns)  # [batch, side]
    cropped = tf.gather(tf.gather(images, rows, batch_dims=1), columns, axis=2, batch_dims=1)
    return tf.ensure_shape(cropped, [images.shape[0], side, side, images.shape[3]])


def flip_together(images, seed):
    """Mirrors all images of a batch left to right, or none; `seed` is `[2]` int.

    Original: maestrojeong/Deep-Hash-Table-ICML18, tfops/augment_op.py, random_flip_rl.
    """
    flipped = tf.random.stateless_uniform([], seed) < 0.5
    return tf.cond(flipped, lambda: tf.reverse(images, axis=[2]), lambda: images)


def crop_together(images, padding, seed):
    """Shifts all images of a batch alike, as `random_crop` shifts each by itself.

    Original: maestrojeong/Deep-Hash-Table-ICML18, tfops/augment_op.py, random_crop.
    """
    height, width = tf.unstack(tf.shape(images)[1:3])
    wide = tf.pad(images, [[0, 0], [padding, padding], [padding, padding], [0, 0]])
    offset = tf.random.stateless_uniform([2], seed, maxval=2 * padding + 1, dtype=tf.int32)
    cropped = wide[:, offset[0] : offset[0] + height, offset[1] : offset[1] + width]
    return tf.ensure_shape(cropped, images.shape)


def _coins(batch, seed):
    """`[batch, 1]` bool, each true with probability 1/2."""
    return tf.random.stateless_uniform([batch, 1], seed) < 0.5
