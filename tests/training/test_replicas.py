"""N replicas train as one: the same losses and the same weights, for every method."""

import keras
import numpy as np
import pytest

from tests import examples
from tfhash import methods


class Logs(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.steps = []

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append(dict(logs))


def train(name, strategy, precision, steps=3, epochs=2):
    trainer = examples.trainer(name, strategy=strategy, precision=precision, seed=3)
    logs = Logs()
    trainer.fit(examples.splits().train, epochs=epochs, steps_per_epoch=steps, callbacks=[logs])
    state = {f"state/{k}": v.numpy() for k, v in (trainer.model.recipe.state or {}).items()}
    return logs.steps, trainer.model.arrays() | state


@pytest.mark.parametrize("name", methods.names())
def test_two_replicas_give_the_losses_and_weights_of_one(name, mirrored):
    """In float64, where no rounding hides or fakes a difference; to 1e-5 over six steps.

    So do codes of the training images and mined triplets, which the second epoch changes.
    In float32 Adam turns a gradient that is zero but for rounding into a whole step either way.
    """
    one, weights_of_one = train(name, None, "float64")
    two, weights_of_two = train(name, mirrored, "float64")
    for expected, found in zip(one, two, strict=True):
        assert set(expected) == set(found)
        for term, value in expected.items():
            np.testing.assert_allclose(found[term], value, atol=1e-5, err_msg=term)
    for variable, value in weights_of_one.items():
        np.testing.assert_allclose(weights_of_two[variable], value, atol=1e-5, err_msg=variable)


def test_two_replicas_take_the_first_step_of_one_in_float32(mirrored):
    one, _ = train("gpq", None, "float32", steps=1, epochs=1)
    two, _ = train("gpq", mirrored, "float32", steps=1, epochs=1)
    for term, value in one[0].items():
        np.testing.assert_allclose(two[0][term], value, rtol=1e-4, atol=1e-5, err_msg=term)


def test_two_replicas_encode_a_partial_batch_as_one(mirrored):
    one = examples.model("gpq", seed=3)
    two = examples.model("gpq", seed=3, strategy=mirrored)
    part = examples.splits().database.subset(np.arange(37))
    expected = one.embed(part, batch_size=16)
    np.testing.assert_allclose(two.embed(part, batch_size=16), expected, atol=1e-5)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_on_two_replicas(mirrored, precision):
    examples.needs(precision)
    steps, arrays = train("gpq", mirrored, precision, steps=2, epochs=1)
    assert np.isfinite([value for logs in steps for value in logs.values()]).all()
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float32)}
