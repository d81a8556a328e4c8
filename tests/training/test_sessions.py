"""What a training changes in its settings before it starts."""

import pytest

from tfhash import settings
from tfhash.training import sessions


def settled(method, **given):
    return settings.settle(method, {"dataset": "digits"} | given)


@pytest.mark.parametrize("method, stage, size", [("gpq", {}, 63), ("hash_table", "metric", 60)])
def test_a_default_batch_becomes_the_nearest_that_replicas_can_share(method, stage, size):
    chosen = settled(method, **({"stage": stage} if stage else {}))
    shared = sessions.with_shared_batch(chosen, 3)
    assert shared.config.batch_size == size
    changed = size != chosen.config.batch_size
    assert (shared.origins["batch_size"] == settings.DEVICES) == changed
    assert sessions.with_shared_batch(chosen, 1) == chosen


def test_a_given_batch_stays():
    chosen = settled("gpq", batch_size=64)
    assert sessions.with_shared_batch(chosen, 3) == chosen
