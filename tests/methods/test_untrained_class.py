"""Data of several classes for each image, one class of which no training image has."""

import dataclasses

import numpy as np
import pytest

from tests import examples
from tfhash import data, methods

SINGLE = ("hash_table",)  # that want one class for each image


def splits():
    """As `examples.splits`, each image of the next class too, but of class a none has a label."""
    plain = examples.splits()
    parts = {}
    for name, part in plain.parts().items():
        labels = part.labels | np.roll(part.labels, 1, axis=1)
        known = part.labelled & (labels[:, 0] == 0) if name == "train" else part.labelled
        parts[name] = dataclasses.replace(part, labels=labels, labelled=known)
    return dataclasses.replace(plain, **parts)


def test_the_class_is_named():
    multi = splits()
    data.check(multi)
    assert data.summary(multi)[-1] == "  1 classes have no labelled training image: a"


@pytest.mark.parametrize("name", [n for n in methods.names() if n not in SINGLE])
def test_every_method_trains_without_images_of_a_class(name):
    trainer = examples.trainer(name)
    trainer.fit(splits().train, epochs=2, steps_per_epoch=2)
    assert trainer.step == 4


@pytest.mark.parametrize("name", SINGLE)
def test_images_of_several_classes_are_refused_where_batches_are_drawn_by_class(name):
    with pytest.raises(ValueError, match="one class for each training image"):
        examples.trainer(name).model.recipe.steps_per_epoch(splits().train)
