"""What a training changes in its settings before it starts."""

import pytest

from tfhash import settings
from tfhash.training import sessions


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
