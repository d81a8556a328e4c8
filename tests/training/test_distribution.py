import numpy as np
import pytest
import tensorflow as tf

from tfhash.training import distribution


def test_gather_joins_the_replicas_in_order(mirrored):
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    parts = mirrored.experimental_distribute_values_from_function(
        lambda context: values[2 * context.replica_id_in_sync_group :][:2]
    )
    gathered = mirrored.run(tf.function(distribution.gather), args=(parts,))
    for replica in mirrored.experimental_local_results(gathered):
        np.testing.assert_array_equal(replica, values)


def test_the_gradient_of_a_gathered_loss_is_that_of_one_replica(mirrored):
    """sum (x_i . x_j)^2 over all pairs of the global batch; each replica holds half the rows."""
    values = np.random.RandomState(0).randn(4, 3).astype(np.float32)

    def loss_of(x):
        return tf.reduce_sum(tf.square(tf.matmul(x, x, transpose_b=True)))

    @tf.function
    def gradient(part):
        with tf.GradientTape() as tape:
            tape.watch(part)
            loss = loss_of(distribution.gather(part)) / 2
        return tape.gradient(loss, part)

    parts = mirrored.experimental_distribute_values_from_function(
        lambda context: tf.constant(values[2 * context.replica_id_in_sync_group :][:2])
    )
    found = mirrored.experimental_local_results(mirrored.run(gradient, args=(parts,)))
    whole = tf.constant(values)
    with tf.GradientTape() as tape:
        tape.watch(whole)
        loss = loss_of(whole)
    np.testing.assert_allclose(np.concatenate(found), tape.gradient(loss, whole), rtol=1e-5)


def test_one_replica_is_gathered_as_it_is():
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    value = tf.constant([[1.0, 2.0]])
    np.testing.assert_array_equal(strategy.run(distribution.gather, args=(value,)), value)


def test_without_a_gpu_all_is_the_cpu():
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")
    assert distribution.strategy("all").num_replicas_in_sync == 1


def test_virtual_devices_are_mirrored():
    assert distribution.strategy(virtual_devices=2).num_replicas_in_sync == 2


@pytest.fixture
def two_gpus(monkeypatch):
    """TensorFlow sees two GPUs."""
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind] * 2)


@pytest.mark.parametrize("gpus", ["2", "0,99"])
def test_a_gpu_that_is_not_there_is_refused_with_those_there_are(gpus, two_gpus):
    with pytest.raises(ValueError, match=f"the GPUs 0, 1. Received: '{gpus}'"):
        distribution.strategy(gpus)


@pytest.mark.parametrize("gpus", ["0", "2,3"])
def test_without_a_gpu_a_number_means_the_cpu_with_a_line(gpus, monkeypatch, caplog):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    monkeypatch.setattr(distribution.LOG, "propagate", True)  # which a command turns off
    caplog.set_level("INFO", "tfhash")
    strategy = distribution.strategy(gpus)
    assert "CPU" in strategy.extended.worker_devices[0] and strategy.num_replicas_in_sync == 1
    assert f"--gpus={gpus} has no effect" in caplog.text


@pytest.mark.parametrize("gpus", ["first", "0;1", "-1"])
def test_a_wrong_list_of_gpus_is_an_error(gpus):
    with pytest.raises(ValueError, match="numbers like 0,1"):
        distribution.strategy(gpus)


def test_more_virtual_devices_than_tensorflow_started_with_are_refused(mirrored):
    tf.constant(0)
    with pytest.raises(ValueError, match="virtual_devices"):
        distribution.strategy(virtual_devices=5)
