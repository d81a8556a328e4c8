"""Sets TensorFlow up for the tests: two virtual CPU devices, full float32."""

import tfhash  # noqa: F401, I001  sets TensorFlow's environment before it is imported
import pytest
import tensorflow as tf


def pytest_configure(config):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    tf.config.experimental.enable_tensor_float_32_execution(False)


@pytest.fixture(scope="session")
def mirrored():
    """MirroredStrategy over two virtual CPU devices."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
