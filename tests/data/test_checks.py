import dataclasses

import numpy as np
import pytest

from tests.data import small_splits
from tests.data.small_splits import pool, with_labels
from tfhash.data import checks, images, splits


@pytest.fixture
def small():
    return small_splits.small()


def test_sound_splits_pass(small):
    checks.check(small)


@pytest.mark.parametrize("name", ["train", "query", "database"])
def test_an_empty_part_is_an_error(small, name):
    empty = dataclasses.replace(small, **{name: small.parts()[name].subset([])})
    with pytest.raises(ValueError, match=rf"'{name}' of small.*0"):
        checks.check(empty)


def trained_on(small, *classes):
    """`small` with labels of these classes alone to train with."""
    known = small.train.labelled & small.train.labels[:, list(classes)].any(axis=1)
    return dataclasses.replace(small, train=dataclasses.replace(small.train, labelled=known))


def test_a_class_without_a_training_image_is_named_in_the_summary(small):
    without = trained_on(small, 0, 2)
    checks.check(without)
    assert "  1 classes have no labelled training image: b" in checks.summary(without)


def test_an_image_of_several_classes_is_a_training_image_of_each(small):
    both = with_labels(small.train, [[1, 1, 0]] * len(small.train))
    several = dataclasses.replace(small, train=both)
    checks.check(several)
    assert "  1 classes have no labelled training image: c" in checks.summary(several)


def test_twenty_of_many_classes_without_a_training_image_are_named(small):
    parts = {}
    for name, part in small.parts().items():
        parts[name] = with_labels(part, np.eye(30, dtype=np.uint8)[np.zeros(len(part), int)])
    classes = tuple(f"c{number}" for number in range(30))
    lines = checks.summary(dataclasses.replace(small, classes=classes, **parts))
    assert "  29 classes have no labelled training image: c1, c2" in lines[-1][:60]
    assert lines[-1].endswith("c20 and 9 more")


def test_no_labelled_training_image_at_all_is_an_error_with_a_way_out(small):
    with pytest.raises(ValueError, match="in small. None of the 18 images.*--train_file"):
        checks.check(trained_on(small))


def test_images_without_a_label_are_an_error_with_their_number(small):
    labels = small.database.labels.copy()
    labels[:4] = 0
    bare = dataclasses.replace(small, database=with_labels(small.database, labels))
    with pytest.raises(ValueError, match="4 of 18 in database.*--allow_unlabelled"):
        checks.check(bare)
    checks.check(bare, allow_unlabelled=True)


def test_queries_in_the_database_are_an_error_with_their_number(small):
    both = np.arange(4, 10)
    rows = np.eye(3, dtype=np.uint8)[both % 3]
    shared = splits.Split(small.query.images, both, rows, np.ones(6, bool))
    with pytest.raises(ValueError, match="'database'. 4 of 6 are in both: #6, #7, #8, #9"):
        checks.check(dataclasses.replace(small, query=shared))
    checks.check(dataclasses.replace(small, query=shared), allow_overlap=True)


def test_queries_in_train_are_an_error(small):
    database = small.database.subset(np.arange(9, 18))
    query = small.train.subset(np.arange(3))
    with pytest.raises(ValueError, match="'train'. 3 of 3"):
        checks.check(dataclasses.replace(small, query=query, database=database))


def test_equal_positions_in_two_pools_are_no_overlap(small):
    other = dataclasses.replace(small.query, images=pool(24), index=np.arange(6, 12))
    checks.check(dataclasses.replace(small, query=other))


def test_equal_paths_in_two_pools_are_an_overlap():
    one = images.FileImages(("a.png", "b.png"), (2, 2))
    other = images.FileImages(("./b.png",), (2, 2))
    rows = np.ones((2, 1), np.uint8)
    left = splits.Split(one, np.arange(2), rows, np.ones(2, bool))
    right = splits.Split(other, np.arange(1), rows[:1], np.ones(1, bool))
    assert checks.overlap(left, right) == [1]


def test_the_summary_gives_sizes_classes_and_labels(small):
    assert checks.summary(small) == [
        "small: 3 classes, 2x2 pixels",
        "  train: 18 images, 6 to 6 per class, 9 with a label for training",
        "  query: 6 images, 2 to 2 per class",
        "  database: 18 images, 6 to 6 per class",
    ]


def test_the_summary_gives_the_notes(small):
    noted = dataclasses.replace(small, notes=("left out: 2 .txt",), left_out=("a.png",))
    lines = checks.summary(noted)[1:3]
    assert lines == ["  left out: 1 images that can't be read", "  left out: 2 .txt"]


def test_the_summary_tells_of_what_is_unusual(small):
    twice = small.train.subset([0, 0, 1, 1, 1])
    twice = with_labels(twice, [[1, 0, 0]] * 4 + [[0, 0, 0]])
    lines = checks.summary(dataclasses.replace(small, train=twice, query=small.train.subset([0])))
    assert "1 without a label, 3 listed more than once" in lines[1]
    assert lines[-2:] == ["  1 queries are in database too", "  1 queries are in train too"]
