"""Classes that are held out of a training whole."""

import numpy as np
import pytest

from tests import examples
from tfhash import data
from tfhash.data import unseen
from tfhash.training import callbacks


def test_no_item_of_a_held_out_class_is_in_train():
    plain = examples.splits()
    splits = data.hold_out(plain, 3)
    assert splits.trained_classes == tuple("abcdefg") and splits.unseen == tuple("hij")
    assert splits.train.labels.shape[1] == 7 and splits.train.labels.any(axis=1).all()
    assert 0 < len(splits.train) == len(plain.train) - plain.train.labels[:, 7:].sum()
    assert splits.query is plain.query and splits.database is plain.database
    data.check(splits)
    assert "  3 classes are held out of train: h, i, j" in data.summary(splits)


def test_none_are_held_out_by_default():
    splits = examples.splits()
    assert data.hold_out(splits, 0) is splits and splits.trained_classes == splits.classes


def test_two_classes_must_be_left():
    with pytest.raises(ValueError, match="up to 8, .*Received: 9"):
        data.hold_out(examples.splits(), 9)


def test_items_of_several_classes_are_held_out_by_any_of_them():
    part = examples.split(np.array([[1, 0, 0], [1, 0, 1], [0, 1, 0], [0, 0, 0]], np.uint8))
    assert unseen.has_unseen(part, 2).tolist() == [False, True, False, False]


def test_a_validation_looks_at_no_class_that_the_training_does_not_know():
    splits = callbacks.validation_splits(data.hold_out(examples.splits(), 3))
    for part in (splits.query, splits.database):
        assert len(part) and not part.labels[:, 7:].any()
