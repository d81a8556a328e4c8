import numpy as np
import pytest

from tests import examples
from tfhash import methods, model_dir
from tfhash.evaluation import results
from tfhash.model import Model


def fit(trainer, epochs=3, callbacks=(), steps=4, **options):
    options |= {"epochs": epochs, "steps_per_epoch": steps, "callbacks": list(callbacks)}
    trainer.fit(examples.splits().train, **options)
    return trainer


def assert_same_weights(one, other):
    for name, array in one.model.arrays().items():
        np.testing.assert_array_equal(other.model.arrays()[name], array, err_msg=name)


def stop_at(trainer, step):
    """What a signal in this step says to `fit`."""
    return lambda: trainer.step >= step


@pytest.mark.parametrize("name", methods.names())
def test_a_resumed_training_ends_with_the_weights_of_an_unbroken_one(name, tmp_path):
    """Stopped within the second epoch, saved, and gone on with in a new model."""
    step = 6
    unbroken = fit(examples.trainer(name, seed=1))
    stopped = examples.trainer(name, seed=1)
    fit(stopped, interrupted=stop_at(stopped, step))
    assert stopped.step == step
    stopped.checkpoints(tmp_path).save()
    resumed = examples.trainer(name, seed=1)
    resumed.prepare(examples.splits().train)
    assert resumed.checkpoints(tmp_path).restore() == step
    assert_same_weights(fit(resumed), unbroken)


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
