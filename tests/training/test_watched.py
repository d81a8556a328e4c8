"""What a method has watched beside its losses: measures, and samples of weights and gradients."""

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests import examples
from tfhash.training import callbacks, step


def fit(model):
    model.fit(examples.splits().train, epochs=1, steps_per_epoch=1)
    return model


def test_a_large_variable_is_sampled_evenly_and_a_small_one_is_whole():
    small = step._thinned(tf.range(7.0))
    assert small.numpy().tolist() == [0, 1, 2, 3, 4, 5, 6]
    large = step._thinned(tf.range(float(3 * step.WATCHED + 1)))
    assert len(large) <= step.WATCHED
    np.testing.assert_array_equal(large, 4 * np.arange(len(large)))


def test_weights_and_gradients_are_kept():
    watched = fit(examples.trainer("latent")).watched
    assert watched["fc8/kernel"].shape == watched["fc8/kernel/gradient"].shape == (160,)
    assert np.abs(watched["fclat/bias/gradient"]).max() > 0


def test_tensorboard_gets_what_a_method_adds_after_each_epoch(tmp_path, monkeypatch):
    trainer = examples.trainer("dch")
    summaries = {"count": 3, "distances": np.array([1.0, 2.0])}
    monkeypatch.setattr(trainer.model.recipe, "summaries", lambda: summaries)
    scalars = callbacks.Scalars(trainer, tf.summary.create_file_writer(str(tmp_path)))
    train = examples.splits().train
    trainer.fit(train, epochs=2, steps_per_epoch=2, callbacks=[scalars])
    written = EventAccumulator(str(tmp_path)).Reload()
    for name, kind in (("count", "scalars"), ("distances", "histograms")):
        assert [event.step for event in written.Tensors(name)] == [2, 4]
        assert written.SummaryMetadata(name).plugin_data.plugin_name == kind


def test_two_replicas_watch_the_gradients_of_one(mirrored):
    one = fit(examples.trainer("latent", seed=3, precision="float64")).watched
    two = fit(examples.trainer("latent", seed=3, precision="float64", strategy=mirrored)).watched
    for name, values in one.items():
        np.testing.assert_allclose(two[name], values, atol=1e-6, err_msg=name)
