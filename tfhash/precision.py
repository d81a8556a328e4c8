"""Whether networks of a precision can run here."""

from tfhash.lazy import keras, tf


def check(name):
    """Raises ValueError where this machine can't take convolutions in a precision.

    A processor may have the instructions for narrow floats and oneDNN be told not to use them (by
    ONEDNN_MAX_CPU_ISA): TensorFlow asks the processor alone, and fails within the first layer.

    Args:
        name: a Keras policy, such as "mixed_bfloat16".
    """
    dtype = keras.DTypePolicy(name).compute_dtype
    if dtype in ("float32", "float64"):
        return
    images, kernel = tf.ones([1, 3, 3, 1], dtype), tf.ones([3, 3, 1, 1], dtype)
    try:
        tf.nn.bias_add(tf.nn.conv2d(images, kernel, 1, "VALID"), kernel[0, 0, 0])
    except tf.errors.OpError as error:
        raise ValueError(
            f"Expected a `precision` that this machine has: TensorFlow can't take a convolution in "
            f"{dtype} here. Received: {name!r}. Use float32, or unset ONEDNN_MAX_CPU_ISA."
        ) from error
