"""Every method trains, saves, loads and encodes on vectors, as it does on images."""

import numpy as np
import pytest

from tests import examples
from tfhash import methods
from tfhash.backbones.layers import vector_layers
from tfhash.data import hold_out
from tfhash.evaluation import results
from tfhash.model import Model

each = pytest.mark.parametrize("name", methods.names())


def fit(trainer, splits=None, steps=2):
    splits = splits or examples.vectors()
    trainer.model.recipe.input.fit(trainer.model.recipe.network, splits.train)
    trainer.fit(splits.train, epochs=1, steps_per_epoch=steps)
    return trainer.model


@each
def test_a_method_trains_on_vectors_and_a_saved_model_encodes_alike(name, tmp_path):
    model = fit(examples.on_vectors(name, {"whiten": True, "l2_normalize": True}))
    model.save(tmp_path / "m", step=2)
    loaded, query = Model.load(tmp_path / "m"), examples.vectors().query
    values = query.read(np.arange(len(query)))
    expected = model.embed(query)
    np.testing.assert_array_equal(loaded.embed(values), expected)
    codes = loaded.encode(values.astype(np.float64))
    assert len(codes) == len(query) and loaded.size == (32,)
    distances = codes.distances(loaded.queries(values))
    assert distances.shape == (len(query),) * 2


@each
def test_a_method_is_tested_on_seen_and_unseen_classes(name):
    splits = hold_out(examples.vectors(), 3)
    model = fit(examples.on_vectors(name, {"batch_size": 14}, splits), splits)
    assert model.classes == tuple("abcdefg")
    metrics = results.evaluate(model, splits).metrics
    seen = np.mean(splits.query.labels[:, :7].any(axis=1))
    mean = seen * metrics["mAP_seen"] + (1 - seen) * metrics["mAP_unseen"]
    assert 0 < seen < 1 and metrics["mAP"] == pytest.approx(mean)


def test_vectors_of_another_width_are_refused():
    model = examples.on_vectors("dch").model
    with pytest.raises(ValueError, match="Expected vectors of 32 numbers.*Received: 31"):
        model.embed(np.ones((2, 31), np.float32))


def test_vectors_that_are_not_finite_are_refused():
    values = np.ones((3, 32), np.float32)
    values[1, 5] = np.nan
    with pytest.raises(ValueError, match="1 of 3 rows hold NaN.*#1"):
        examples.on_vectors("dch").model.embed(values)


def test_images_are_no_vectors_and_vectors_no_images():
    with pytest.raises(ValueError, match="linear:16 takes vectors, not images"):
        examples.on_vectors("dch").model.embed(examples.splits().query)
    with pytest.raises(ValueError, match="tiny takes images, not vectors. Use --img_model=mlp"):
        examples.model("dch").embed(examples.vectors().query)
    with pytest.raises(ValueError, match=r"array of vectors \[n, 32\].*list"):
        examples.on_vectors("dch").model.embed(["image.png"])


def test_whitened_vectors_have_mean_0_and_covariance_1():
    rng, layer = np.random.default_rng(0), vector_layers.Whitening(dtype="float64")
    vectors = rng.standard_normal((500, 4)) @ rng.standard_normal((4, 4)) + 3
    layer.build((None, 4))
    np.testing.assert_array_equal(layer(vectors), vectors)
    layer.fit(vectors.mean(axis=0), np.cov(vectors.T, bias=True))
    whitened = layer(vectors).numpy()
    np.testing.assert_allclose(whitened.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(np.cov(whitened.T, bias=True), np.eye(4), atol=1e-9)


def test_whitening_leaves_out_directions_without_variance():
    layer = vector_layers.Whitening(dtype="float64")
    layer.build((None, 2))
    layer.fit(np.zeros(2), np.diag([4.0, 0.0]))
    np.testing.assert_allclose(np.abs(layer(np.array([[2.0, 9.0]]))), [[1, 0]])
