"""What of the backbone is trained, and how fast: --freeze and --backbone_rate, for every method."""

import numpy as np
import pytest

from tests import examples
from tfhash import methods
from tfhash.methods import _fitted

# The others are fitted to features that nothing changes.
TRAINED = [n for n in methods.names() if not issubclass(methods.load(n).Method, _fitted.Method)]
STATISTICS = ("moving_mean", "moving_variance", "biased", "local_step")


def trained(name, **changes):
    """The arrays of the model before and after two steps, by name."""
    trainer, train = examples.trainer(name, changes, seed=1), examples.splits().train
    trainer.model.recipe.steps_per_epoch(train)  # reads word vectors too
    before = trainer.model.arrays()
    trainer.fit(train, epochs=1, steps_per_epoch=2)
    return trainer.model.recipe, before, trainer.model.arrays()


@pytest.mark.parametrize("name", TRAINED)
def test_a_frozen_layer_stays_and_a_rate_of_zero_stops_the_backbone(name):
    """Of tiny's layers the first two, conv0 and norm0, are frozen, with the statistics of norm0."""
    recipe, before, after = trained(name, freeze="2", backbone_rate=0.0)
    changed = {key for key, array in after.items() if not np.array_equal(array, before[key])}
    backbone = {key for key in after if recipe.is_backbone(key)}
    assert changed & backbone == {f"norm1/{leaf}" for leaf in STATISTICS}
    assert changed - backbone


def test_all_layers_of_the_backbone_are_frozen():
    recipe, before, after = trained("gpq", freeze="all")
    for name, array in before.items():
        assert np.array_equal(after[name], array) == recipe.is_backbone(name), name


def test_nothing_is_frozen_by_default():
    _, before, after = trained("gpq")
    assert not any(np.array_equal(after[name], array) for name, array in before.items())


def test_layers_that_a_method_does_not_train_stay_so():
    recipe = examples.model("dch", {"finetune_all": False, "freeze": "2"}).recipe
    assert {v.path for v in recipe.network.trainable_variables} == {"dense/kernel", "dense/bias"}


def test_more_layers_than_there_are_cannot_be_frozen():
    with pytest.raises(ValueError, match="`freeze` to be up to 4, the layers of tiny.*Received: 5"):
        examples.model("gpq", {"freeze": "5"})


@pytest.mark.parametrize("value", ["some", "-1", "1.5", ""])
def test_freeze_is_a_word_or_a_number(value):
    with pytest.raises(ValueError, match="`freeze` to be none, all, or a number of layers"):
        examples.config("gpq", freeze=value)
