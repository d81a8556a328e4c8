"""The size of a batch where the user gives none."""

import dataclasses

import pytest

from tests.data.small_splits import small
from tfhash import methods, settings
from tfhash.training import batch_sizes


def settled(method, **given):
    return settings.settle(method, {"dataset": "digits"} | given)


@pytest.mark.parametrize("method, replicas, size", [("gpq", 3, 63), ("hash_table", 7, 70)])
def test_a_default_batch_becomes_the_nearest_that_replicas_can_share(method, replicas, size):
    chosen = settled(method)
    shared = batch_sizes.shared(chosen, replicas)
    assert shared.config.batch_size == size
    assert shared.origins["batch_size"] == settings.DEVICES
    assert batch_sizes.shared(chosen, 1) == chosen


def test_a_given_batch_stays():
    chosen = settled("gpq", batch_size=64)
    assert batch_sizes.shared(chosen, 3) == chosen


def test_a_default_batch_beyond_the_images_becomes_one_that_fits():
    """Of 18 training images 9 have a label."""
    chosen = settled("gpq")
    fitting = batch_sizes.fitting(chosen, small().train, 1)
    assert fitting.config.batch_size == 2 and fitting.origins["batch_size"] == settings.IMAGES
    shared = batch_sizes.fitting(chosen, small().train, 3)
    assert shared.config.batch_size == 3


@pytest.mark.parametrize("method, given", [("gpq", {"batch_size": 64}), ("dtq", {})])
def test_a_batch_that_is_given_or_not_of_images_stays(method, given):
    chosen = settled(method, **given)
    assert batch_sizes.fitting(chosen, small().train, 1) == chosen


# What each is the nearest of: a multiple; the smaller of two; the only one; with anchors and
# positives twice the replicas; with triplets a multiple of the 16 classes of a batch too.
NEAREST = [
    ("gpq", {"batch_size": 500}, 8, 496),
    ("gpq", {"batch_size": 500}, 3, 501),
    ("gpq", {"batch_size": 5}, 2, 4),
    ("hashnet", {"batch_size": 1}, 2, 2),
    ("hash_table", {"batch_size": 128, "loss": "npair"}, 3, 126),
    ("hash_table", {"batch_size": 128, "loss": "triplet"}, 3, 144),
]


@pytest.mark.parametrize("method, values, replicas, nearest", NEAREST)
def test_a_batch_that_replicas_cannot_share_is_refused_with_the_nearest(
    method, values, replicas, nearest
):
    config = methods.load(method).Config(**values)
    with pytest.raises(ValueError, match=f"replicas={replicas}. Use --batch_size={nearest} or"):
        batch_sizes.check(config, replicas)
    batch_sizes.check(dataclasses.replace(config, batch_size=nearest), replicas)
    batch_sizes.check(config, 1)


@pytest.mark.parametrize("replicas, way", [(8, "0,1,2,3,4 or --virtual_devices=5"), (3, "0,1 or")])
def test_a_training_that_goes_on_is_refused_with_devices_that_can_share_its_batch(replicas, way):
    config = methods.load("gpq").Config(batch_size=500)
    with pytest.raises(ValueError, match=f"replicas={replicas}. The batch .* Use --gpus={way}"):
        batch_sizes.check(config, replicas, begun=True)
