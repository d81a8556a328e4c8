"""What an index of own images takes of a head: codes of items one by one, and features."""

import numpy as np
import pytest

from tests import examples
from tfhash import methods
from tfhash.retrieval.floats import FloatCodes

RNG = np.random.default_rng(0)


def outputs(model, count=40):
    """The outputs of random images."""
    images = RNG.integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)
    return model.embed(images)


@pytest.fixture(scope="module", params=methods.names())
def model(request):
    """An untrained small model of each method."""
    return examples.model(request.param)


def test_the_code_of_an_item_does_not_depend_on_the_others(model):
    head, values = model.recipe.head, outputs(model)
    together, alone = head.indexed(values), head.indexed(values[3:7])
    assert together.kind == alone.kind
    for name, array in together[3:7].arrays().items():
        np.testing.assert_array_equal(alone.arrays()[name], array)


def test_features_are_floats_that_find_the_item_itself(model):
    head, values = model.recipe.head, outputs(model)
    features = head.features(values)
    assert isinstance(features, FloatCodes) and len(features) == len(values)
    if features.distance == "euclidean":
        np.testing.assert_array_equal(features.distances(features).argmin(axis=1), range(40))


def test_features_of_product_codes_are_of_length_one_in_each_segment():
    model = examples.model("gpq")
    features = model.recipe.head.features(outputs(model)).vectors
    segments = features.reshape(40, model.config.num_codebooks, -1)
    np.testing.assert_allclose(np.linalg.norm(segments, axis=2), 1, atol=1e-5)
