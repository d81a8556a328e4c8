import keras
import numpy as np
import pytest

from tests import examples
from tfhash import methods, model_dir
from tfhash.evaluation import results
from tfhash.training.hasher import Hasher


def fit(model, epochs=3, callbacks=(), steps=4):
    model.fit(
        examples.splits().train, epochs=epochs, steps_per_epoch=steps, callbacks=list(callbacks)
    )
    return model


def assert_same_weights(one, other):
    for name, array in one.arrays().items():
        np.testing.assert_array_equal(other.arrays()[name], array, err_msg=name)


class StopAt(keras.callbacks.Callback):
    """Interrupts a training after a step, as Ctrl-C does."""

    def __init__(self, model, step):
        super().__init__()
        self.hasher, self.step = model, step

    def on_train_batch_end(self, batch, logs=None):
        if self.hasher.step == self.step:
            raise KeyboardInterrupt


@pytest.mark.parametrize("name", methods.names())
def test_a_resumed_training_ends_with_the_weights_of_an_unbroken_one(name, tmp_path):
    """Stopped within the second epoch, saved, and gone on with in a new model."""
    unbroken = fit(examples.hasher(name, seed=1))
    stopped = examples.hasher(name, seed=1)
    with pytest.raises(KeyboardInterrupt):
        fit(stopped, callbacks=[StopAt(stopped, 6)])
    stopped.checkpoints(tmp_path).save()
    resumed = examples.hasher(name, seed=1)
    resumed.prepare(examples.splits().train)
    assert resumed.checkpoints(tmp_path).restore() == 6
    assert_same_weights(fit(resumed), unbroken)


def test_the_same_seed_trains_the_same_weights():
    assert_same_weights(fit(examples.hasher("gpq", seed=5)), fit(examples.hasher("gpq", seed=5)))


def test_another_seed_trains_other_weights():
    one, other = (fit(examples.hasher("gpq", seed=seed), epochs=1) for seed in (5, 6))
    assert not np.array_equal(one.arrays()["codebooks"], other.arrays()["codebooks"])


@pytest.mark.parametrize("name", methods.names())
def test_a_saved_model_gives_the_same_outputs_when_loaded(name, tmp_path):
    trained = fit(examples.hasher(name), epochs=1)
    model_dir.create(tmp_path / "m", trained.settings(), trained.arrays())
    model_dir.save_weights(tmp_path / "m", trained.arrays(), step=trained.step)
    loaded = Hasher.load(tmp_path / "m")
    assert loaded.step == trained.step > 0
    query = examples.splits().query
    np.testing.assert_array_equal(loaded.encode(query).outputs, trained.encode(query).outputs)


def test_training_learns_to_retrieve():
    """Images of a class are alike but for noise: mAP comes near 1."""
    easier = {"learning_rate": 0.005, "flip": False, "crop_padding": 1}
    trained = fit(examples.hasher("gpq", easier), epochs=10, steps=10)
    splits = examples.splits()
    assert results.evaluate(trained, splits).metrics["mAP"] > 0.9


def test_outputs_that_are_no_numbers_are_counted():
    broken = examples.hasher("gpq")
    broken.network.get_layer("dense").bias.assign(np.full(48, np.nan))
    with pytest.raises(ValueError, match="20 of 20 images are not finite"):
        broken.encode(examples.splits().query)


def test_a_loss_that_is_no_number_stops_the_training():
    broken = examples.hasher("gpq")
    broken.method.weights["codebooks"].assign(np.full((16, 48), np.nan))
    with pytest.raises(FloatingPointError, match="step 1"):
        fit(broken)


def saved(tmp_path, **changes):
    model = examples.hasher("gpq")
    settings = model.settings() | changes
    model_dir.create(tmp_path / "m", settings, model.arrays())
    return tmp_path / "m"


def test_a_model_of_another_method_is_refused(tmp_path):
    with pytest.raises(ValueError, match="is a model of 'gpq', not of 'dch'"):
        Hasher.load(saved(tmp_path), method="dch")


def test_settings_that_miss_a_field_are_refused(tmp_path):
    fields = examples.hasher("gpq").settings()["config"]
    del fields["alpha"]
    with pytest.raises(ValueError, match="Missing: \\['alpha'\\]"):
        Hasher.load(saved(tmp_path, config=fields))


def test_weights_that_do_not_fit_the_settings_are_refused(tmp_path):
    fields = examples.hasher("gpq").settings()["config"] | {"num_codebooks": 5}
    with pytest.raises(ValueError, match=r"shape \(.*\), the model needs"):
        Hasher.load(saved(tmp_path, config=fields))


def test_a_batch_that_two_replicas_cannot_halve_is_refused(mirrored):
    with pytest.raises(ValueError, match="batch_size=21, replicas=2"):
        examples.hasher("gpq", {"batch_size": 21}, strategy=mirrored)


def test_a_training_interrupted_in_the_last_step_of_an_epoch_goes_on():
    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.step == 4:
                raise KeyboardInterrupt

    train = examples.splits().train
    model = examples.hasher("gpq", seed=3)
    with pytest.raises(KeyboardInterrupt):
        model.fit(train, epochs=3, steps_per_epoch=4, callbacks=[Interrupt()])
    model.fit(train, epochs=3, steps_per_epoch=4)
    assert model.step == 12
