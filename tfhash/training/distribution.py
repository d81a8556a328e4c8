"""Devices: the strategy for a list of them, and sums and gathers over its replicas."""

import functools
import logging

from tfhash import checks
from tfhash.lazy import tf

LOG = logging.getLogger("tfhash")


def strategy(gpus="all", virtual_devices=0):
    """The `tf.distribute` strategy over the devices asked for.

    Args:
        gpus: "all" visible ones, or comma-separated numbers such as "0,1"; "" takes none.
        virtual_devices: > 0 splits the CPU in so many devices and mirrors over those.
    Returns:
        MirroredStrategy for several devices, OneDeviceStrategy for one.
    Raises:
        ValueError: a GPU that is not among those there, or TensorFlow has already started its
            devices. Where there is none the CPU computes, as with the originals, with a line.
    """
    if virtual_devices < 0:
        raise ValueError(f"Expected `virtual_devices` >= 0. Received: {virtual_devices}.")
    if virtual_devices:
        return _mirror(tuple(_split_cpu(virtual_devices)))
    found = len(tf.config.list_physical_devices("GPU"))
    numbers = checks.device_numbers(gpus)
    chosen = range(found) if numbers is None else numbers
    missing = [number for number in chosen if number >= found]
    if missing and not found:
        LOG.info("No GPU is there: --gpus=%s has no effect, the CPU computes.", gpus)
        chosen = []
    elif missing:
        raise ValueError(
            f"Expected `gpus` to name some of the GPUs {', '.join(map(str, range(found)))}. "
            f"Received: {gpus!r}. Use --gpus=all, or --gpus= for the CPU."
        )
    return _mirror(tuple(f"GPU:{number}" for number in chosen) or ("CPU:0",))


@functools.cache  # a second MirroredStrategy over the same devices may abort the process
def _mirror(devices):
    if len(devices) == 1:
        return tf.distribute.OneDeviceStrategy(devices[0])
    return tf.distribute.MirroredStrategy(list(devices))


def is_cpu(strategy):
    """Whether a strategy is of one device, the CPU."""
    one = isinstance(strategy, tf.distribute.OneDeviceStrategy)
    return one and "CPU" in strategy.extended.worker_devices[0]


def _split_cpu(count):
    cpu = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration()] * count
    try:
        tf.config.set_logical_device_configuration(cpu, parts)
    except RuntimeError as error:
        if len(tf.config.list_logical_devices("CPU")) < count:
            raise ValueError(
                f"Expected `virtual_devices` before TensorFlow starts. Received: {count} "
                "after that. Set it at the start of the program."
            ) from error
    return [f"CPU:{number}" for number in range(count)]


def gather(values):
    """Inside a replica: the `[batch, ...]` of all replicas, in their order, as one tensor.

    A sum of zero-padded parts, since its gradient is exact under every strategy and it works
    with one device per worker, where `ReplicaContext.all_gather` does not.
    """
    context = tf.distribute.get_replica_context()
    replicas = context.num_replicas_in_sync
    if replicas == 1:
        return values
    own = tf.one_hot(context.replica_id_in_sync_group, replicas, dtype=values.dtype)
    own = tf.reshape(own, [replicas] + [1] * len(values.shape))
    parts = context.all_reduce(tf.distribute.ReduceOp.SUM, own * values[None])
    return tf.reshape(parts, tf.concat([[-1], tf.shape(values)[1:]], axis=0))
