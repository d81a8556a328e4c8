"""What a method has watched beside its losses: measures, and samples of weights and gradients."""

import numpy as np
import tensorflow as tf

from tests import examples
from tfhash.training import hasher


def fit(model):
    model.fit(examples.splits().train, epochs=1, steps_per_epoch=1)
    return model


def test_a_large_variable_is_sampled_evenly_and_a_small_one_is_whole():
    small = hasher._spread(tf.range(7.0))
    assert small.numpy().tolist() == [0, 1, 2, 3, 4, 5, 6]
    large = hasher._spread(tf.range(float(3 * hasher.WATCHED + 1)))
    assert len(large) <= hasher.WATCHED
    np.testing.assert_array_equal(large, 4 * np.arange(len(large)))


def test_weights_and_gradients_are_kept():
    found = fit(examples.hasher("latent")).watched
    assert found["fc8/kernel"].shape == found["fc8/kernel/gradient"].shape == (160,)
    assert np.abs(found["fclat/bias/gradient"]).max() > 0


def test_two_replicas_watch_the_gradients_of_one(mirrored):
    one = fit(examples.hasher("latent", seed=3, precision="float64")).watched
    two = fit(examples.hasher("latent", seed=3, precision="float64", strategy=mirrored)).watched
    for name, values in one.items():
        np.testing.assert_allclose(two[name], values, atol=1e-6, err_msg=name)
