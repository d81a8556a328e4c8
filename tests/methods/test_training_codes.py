"""The state of the composite quantizers: a row for each labelled image and for no other."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests import examples
from tfhash import methods
from tfhash.methods import _composite

NAMES = [n for n in methods.names() if issubclass(methods.load(n).Config, _composite.Config)]
ROWS = ("codes", "outputs", "seen")
LABELLED = np.arange(100) % 4 == 1  # 25 of the 100 training images


def started(name):
    """A small trainer on images of which every fourth is labelled."""
    trainer, train = examples.trainer(name), examples.splits().train
    trainer.prepare(dataclasses.replace(train, labelled=LABELLED))
    return trainer


@pytest.mark.parametrize("name", NAMES)
def test_images_without_a_label_take_no_state(name):
    state = started(name).model.recipe.state
    assert {state[part].shape[0] for part in ROWS} == {25}


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_found_by_its_position_in_train(name):
    """Positions 1, 5 and 9 are the labelled images 0, 1 and 2."""
    recipe = started(name).model.recipe
    outputs = np.arange(48.0, dtype=np.float32).reshape(3, 16)
    positions = tf.constant([9, 1, 5], tf.int64)
    recipe.on_step_end({"images": tf.constant(outputs)}, {"images": positions})
    np.testing.assert_array_equal(recipe.training.outputs[:3], outputs[[1, 2, 0]])
    codes, centers = np.zeros((25, 2), np.int32), recipe.weights["C"].numpy()
    codes[:3] = [[1, 2], [3, 4], [5, 6]]
    recipe.training.keep(codes, centers)
    decoded = recipe.training.decoded(positions, tf.float32)
    sums = [centers[5] + centers[8 + 6], centers[1] + centers[8 + 2], centers[3] + centers[8 + 4]]
    np.testing.assert_allclose(decoded, sums, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_state_that_has_rows_of_all_images_is_refused_in_a_line(name, tmp_path):
    """As they were saved before."""
    old = started(name)
    state = old.model.recipe.state
    for part in ROWS:
        state[part] = tf.Variable(np.repeat(state[part].numpy(), 4, axis=0))
    old.checkpoints(tmp_path).save()
    with pytest.raises(ValueError, match="does not fit this model") as caught:
        started(name).checkpoints(tmp_path).restore()
    assert "\n" not in str(caught.value)
