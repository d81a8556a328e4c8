import keras
import numpy as np
import tensorflow as tf

from tfhash.backbones.layers import dropout

INPUTS = tf.ones([4, 1000])


def layer(seed=0, rate=0.25):
    keras.utils.set_random_seed(seed)
    made = dropout.Dropout(rate)
    made.build(INPUTS.shape)
    return made


def test_the_expected_share_is_dropped_and_the_others_are_scaled():
    outputs = layer()(INPUTS, training=True).numpy()
    assert set(np.unique(outputs)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs((outputs == 0).mean() - 0.25) < 0.03


def test_nothing_is_dropped_when_encoding():
    np.testing.assert_array_equal(layer()(INPUTS, training=False), INPUTS)


def test_every_call_draws_anew():
    made = layer()
    assert np.any(made(INPUTS, training=True) != made(INPUTS, training=True))


def test_a_layer_goes_on_from_its_variable():
    made, other = layer(), layer(seed=1)
    made(INPUTS, training=True)
    other.draws.assign(made.draws)
    np.testing.assert_array_equal(other(INPUTS, training=True), made(INPUTS, training=True))


def test_replicas_take_their_parts_of_one_mask(mirrored):
    expected = layer()(INPUTS, training=True)
    with mirrored.scope():
        made = layer()
    parts = mirrored.experimental_distribute_values_from_function(
        lambda context: INPUTS[:2] * (1 + 0 * context.replica_id_in_sync_group)
    )
    run = tf.function(lambda x: mirrored.run(lambda x: made(x, training=True), args=(x,)))
    of_replicas = mirrored.experimental_local_results(run(parts))
    np.testing.assert_array_equal(tf.concat(of_replicas, axis=0), expected)
