"""What a training changes in its settings before it starts."""

import pytest

from tests.data.small_splits import small
from tfhash import settings
from tfhash.training import runs, sessions


def settled(method, **given):
    return settings.settle(method, {"dataset": "digits"} | given)


@pytest.mark.parametrize("method, replicas, size", [("gpq", 3, 63), ("hash_table", 7, 70)])
def test_a_default_batch_becomes_the_nearest_that_replicas_can_share(method, replicas, size):
    chosen = settled(method)
    shared = sessions.with_shared_batch(chosen, replicas)
    assert shared.config.batch_size == size
    assert shared.origins["batch_size"] == settings.DEVICES
    assert sessions.with_shared_batch(chosen, 1) == chosen


def test_a_given_batch_stays():
    chosen = settled("gpq", batch_size=64)
    assert sessions.with_shared_batch(chosen, 3) == chosen


def test_a_default_batch_beyond_the_images_becomes_one_that_fits():
    """Of 18 training images 9 have a label."""
    chosen = settled("gpq")
    fitting = runs.with_fitting_batch(chosen, small().train, 1)
    assert fitting.config.batch_size == 2 and fitting.origins["batch_size"] == settings.IMAGES
    shared = runs.with_fitting_batch(chosen, small().train, 3)
    assert shared.config.batch_size == 3


@pytest.mark.parametrize("method, given", [("gpq", {"batch_size": 64}), ("dtq", {})])
def test_a_batch_that_is_given_or_not_of_images_stays(method, given):
    chosen = settled(method, **given)
    assert runs.with_fitting_batch(chosen, small().train, 1) == chosen
