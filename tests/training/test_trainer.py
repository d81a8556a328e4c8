import signal

import numpy as np
import pytest

from tests import examples
from tfhash import methods, model_dir
from tfhash.evaluation import results
from tfhash.methods import base
from tfhash.model import Model
from tfhash.training.interrupts import Interrupts


def fit(trainer, epochs=3, callbacks=(), steps=4, **options):
    options |= {"epochs": epochs, "steps_per_epoch": steps, "callbacks": list(callbacks)}
    trainer.fit(examples.splits().train, **options)
    return trainer


def assert_same_weights(one, other):
    for name, array in one.model.arrays().items():
        np.testing.assert_array_equal(other.model.arrays()[name], array, err_msg=name)


class StopAt(Interrupts):
    """A signal in a step of a trainer."""

    def __init__(self, trainer, step):
        super().__init__()
        self.trainer, self.step = trainer, step

    def __bool__(self):
        return super().__bool__() or self.trainer.step >= self.step


def resumed(stopped, path):
    """A new trainer of the same model, from the state in which the first one stopped."""
    stopped.checkpoints(path).save()
    trainer = examples.trainer(stopped.model.method, seed=1)
    trainer.prepare(examples.splits().train)
    assert trainer.checkpoints(path).restore() == stopped.step
    return trainer


@pytest.mark.parametrize("name", methods.names())
def test_a_resumed_training_ends_with_the_weights_of_an_unbroken_one(name, tmp_path):
    """Stopped within the second epoch, saved, and gone on with in a new model."""
    unbroken = fit(examples.trainer(name, seed=1))
    stopped = examples.trainer(name, seed=1)
    fit(stopped, interrupted=StopAt(stopped, 6))
    assert stopped.step == 6
    assert_same_weights(fit(resumed(stopped, tmp_path)), unbroken)


def test_so_does_one_that_was_stopped_in_the_last_step_of_an_epoch(tmp_path):
    unbroken = fit(examples.trainer("gpq", seed=1))
    stopped = examples.trainer("gpq", seed=1)
    fit(stopped, interrupted=StopAt(stopped, 4))
    assert stopped.done == (1, 4, 4)
    assert_same_weights(fit(resumed(stopped, tmp_path)), unbroken)


def at_the_begin_of_an_epoch():
    """The methods that do something of their own there."""
    every = {name: methods.load(name).Method for name in methods.names()}
    return [n for n, kind in every.items() if kind.on_epoch_begin is not base.Method.on_epoch_begin]


@pytest.mark.parametrize("epoch", [0, 1])
@pytest.mark.parametrize("name", at_the_begin_of_an_epoch())
def test_so_does_one_that_was_stopped_at_the_begin_of_an_epoch(name, epoch, tmp_path, monkeypatch):
    """Such as DTQ's mining, which halves its parts: it must not be done twice."""
    unbroken = fit(examples.trainer(name, seed=1))
    stopped, interrupts = examples.trainer(name, seed=1), Interrupts()
    begin = stopped.model.recipe.on_epoch_begin

    def interrupted(number, *given):
        begin(number, *given)
        if number == epoch:
            interrupts.receive(signal.SIGINT)

    monkeypatch.setattr(stopped.model.recipe, "on_epoch_begin", interrupted)
    fit(stopped, interrupted=interrupts)
    assert stopped.done.epoch == epoch and stopped.step == stopped.done.start + 1
    assert_same_weights(fit(resumed(stopped, tmp_path)), unbroken)


def test_the_same_seed_trains_the_same_weights():
    assert_same_weights(fit(examples.trainer("gpq", seed=5)), fit(examples.trainer("gpq", seed=5)))


def test_another_seed_trains_other_weights():
    one, other = (fit(examples.trainer("gpq", seed=seed), epochs=1) for seed in (5, 6))
    assert not np.array_equal(one.model.arrays()["codebooks"], other.model.arrays()["codebooks"])


@pytest.mark.parametrize("name", methods.names())
def test_a_saved_model_gives_the_same_outputs_when_loaded(name, tmp_path):
    trained = fit(examples.trainer(name), epochs=1).model
    trained.save(tmp_path / "m", step=4)
    loaded = Model.load(tmp_path / "m")
    query = examples.splits().query
    np.testing.assert_array_equal(loaded.embed(query), trained.embed(query))


def test_training_learns_to_retrieve():
    """Images of a class are alike but for noise: an untrained model misses what a trained has."""
    easier = {"learning_rate": 0.005, "flip": False, "crop_padding": 1}
    trainer = examples.trainer("gpq", easier)
    before = results.evaluate(trainer.model, examples.splits()).metrics["mAP"]
    after = results.evaluate(fit(trainer, epochs=10, steps=10).model, examples.splits())
    assert before < 0.5 and after.metrics["mAP"] > 0.75


def test_outputs_that_are_no_numbers_are_counted():
    broken = examples.model("gpq")
    broken.recipe.network.get_layer("dense").bias.assign(np.full(48, np.nan))
    with pytest.raises(ValueError, match="20 of 20 images are not finite"):
        broken.embed(examples.splits().query)


def test_a_loss_that_is_not_finite_stops_the_training():
    broken = examples.trainer("gpq")
    broken.model.recipe.weights["codebooks"].assign(np.full((16, 48), np.nan))
    with pytest.raises(FloatingPointError, match="NaN or infinite at step 1: .*pairs"):
        fit(broken)


def saved(tmp_path, **changes):
    model = examples.model("gpq")
    model_dir.create(tmp_path / "m", model.settings() | changes, model.arrays())
    return tmp_path / "m"


def test_a_model_of_another_method_is_refused(tmp_path):
    with pytest.raises(ValueError, match="is a model of 'gpq', not of 'dch'"):
        Model.load(saved(tmp_path), method="dch")


def test_settings_that_miss_a_field_are_refused(tmp_path):
    fields = examples.model("gpq").settings()["config"]
    del fields["alpha"]
    with pytest.raises(ValueError, match="Missing: \\['alpha'\\]"):
        Model.load(saved(tmp_path, config=fields))


def test_weights_that_do_not_fit_the_settings_are_refused(tmp_path):
    fields = examples.model("gpq").settings()["config"] | {"num_codebooks": 5}
    with pytest.raises(ValueError, match=r"shape \(.*\), the model needs"):
        Model.load(saved(tmp_path, config=fields))


def test_a_batch_that_two_replicas_cannot_halve_is_refused(mirrored):
    trainer = examples.trainer("gpq", {"batch_size": 21}, strategy=mirrored)
    with pytest.raises(ValueError, match="batch_size=21, replicas=2"):
        trainer.fit(None)
