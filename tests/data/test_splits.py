import dataclasses

import numpy as np
import pytest

from tfhash.data import images, splits


def pool(count, size=2):
    pixels = np.zeros((count, size, size, 3), np.uint8)
    pixels[:, 0, 0, 0] = np.arange(count)
    return images.ArrayImages(pixels)


@pytest.fixture
def small():
    """24 images of 3 classes: 6 queries, 9 labelled and 9 unlabelled ones."""
    numbers = np.arange(24)
    return splits.of_indices(
        "small", ["a", "b", "c"], pool(24), numbers % 3,
        labelled=numbers[6:15], unlabelled=numbers[15:], query=numbers[:6], database=numbers[6:],
    )  # fmt: skip


def with_labels(part, labels):
    return dataclasses.replace(part, labels=np.asarray(labels, np.uint8))


def test_a_part_reads_its_own_images(small):
    np.testing.assert_array_equal(small.database.read([0, 2])[:, 0, 0, 0], [6, 8])


def test_parts_share_their_pool(small):
    assert small.train.images is small.query.images is small.database.subset([1]).images


def test_a_subset_keeps_index_labels_and_labelled_together(small):
    part = small.train.subset([10, 0])
    assert part.index.tolist() == [16, 6]
    assert part.labels.argmax(axis=1).tolist() == [1, 0]
    assert part.labelled.tolist() == [False, True]


def test_an_image_is_named_by_its_position_in_the_pool(small):
    assert small.database.name(0) == "#6"


def test_a_negative_class_number_is_no_label():
    part = splits.of_indices(
        "x", ["a", "b"], pool(4), np.array([0, -1, 1, 1]),
        labelled=[0], unlabelled=[1], query=[2], database=[3],
    ).train  # fmt: skip
    assert part.labels.tolist() == [[1, 0], [0, 0]]


def test_labels_of_another_length_are_refused(small):
    with pytest.raises(ValueError, match=r"`labels` \[6, classes\].*\[5, 3\]"):
        with_labels(small.query, small.query.labels[:5])


def test_sound_splits_pass(small):
    splits.check(small)


@pytest.mark.parametrize("name", ["train", "query", "database"])
def test_an_empty_part_is_an_error(small, name):
    empty = dataclasses.replace(small, **{name: small.parts()[name].subset([])})
    with pytest.raises(ValueError, match=rf"'{name}' of small.*0"):
        splits.check(empty)


def test_a_class_without_a_labelled_image_is_an_error(small):
    known = small.train.labelled & (small.train.labels[:, 1] == 0)
    train = dataclasses.replace(small.train, labelled=known)
    with pytest.raises(ValueError, match="3 classes of small.*none of 1: b"):
        splits.check(dataclasses.replace(small, train=train))


def test_images_without_a_label_are_an_error_with_their_number(small):
    labels = small.database.labels.copy()
    labels[:4] = 0
    bare = dataclasses.replace(small, database=with_labels(small.database, labels))
    with pytest.raises(ValueError, match="4 of 18 in database.*--allow_unlabelled"):
        splits.check(bare)
    splits.check(bare, allow_unlabelled=True)


def test_queries_in_the_database_are_an_error_with_their_number(small):
    both = np.arange(4, 10)
    rows = np.eye(3, dtype=np.uint8)[both % 3]
    shared = splits.Split(small.query.images, both, rows, np.ones(6, bool))
    with pytest.raises(ValueError, match="'database'. 4 of 6 are in both: #6, #7, #8, #9"):
        splits.check(dataclasses.replace(small, query=shared))
    splits.check(dataclasses.replace(small, query=shared), allow_overlap=True)


def test_queries_in_train_are_an_error(small):
    database = small.database.subset(np.arange(9, 18))
    query = small.train.subset(np.arange(3))
    with pytest.raises(ValueError, match="'train'. 3 of 3"):
        splits.check(dataclasses.replace(small, query=query, database=database))


def test_equal_positions_in_two_pools_are_no_overlap(small):
    other = dataclasses.replace(small.query, images=pool(24), index=np.arange(6, 12))
    splits.check(dataclasses.replace(small, query=other))


def test_equal_paths_in_two_pools_are_an_overlap():
    one = images.FileImages(("a.png", "b.png"), (2, 2))
    other = images.FileImages(("./b.png",), (2, 2))
    rows = np.ones((2, 1), np.uint8)
    left = splits.Split(one, np.arange(2), rows, np.ones(2, bool))
    right = splits.Split(other, np.arange(1), rows[:1], np.ones(1, bool))
    assert splits.overlap(left, right) == [1]


def test_the_summary_gives_sizes_classes_and_labels(small):
    assert splits.summary(small) == [
        "small: 3 classes, 2x2 pixels",
        "  train: 18 images, 6 to 6 per class, 9 with a label for training",
        "  query: 6 images, 2 to 2 per class",
        "  database: 18 images, 6 to 6 per class",
    ]


def test_the_summary_tells_of_what_is_unusual(small):
    twice = small.train.subset([0, 0, 1, 1, 1])
    twice = with_labels(twice, [[1, 0, 0]] * 4 + [[0, 0, 0]])
    lines = splits.summary(dataclasses.replace(small, train=twice, query=small.train.subset([0])))
    assert "1 without a label, 3 listed more than once" in lines[1]
    assert lines[-2:] == ["  1 queries are in database too", "  1 queries are in train too"]


def test_a_stratified_draw_takes_the_same_share_of_each_class():
    labels = np.repeat([0, 1, 2], [100, 200, 20])
    found = splits.stratified(labels, 32, np.random.default_rng(0))
    assert np.bincount(labels[found]).tolist() == [10, 20, 2]
    assert len(np.unique(found)) == 32


def test_a_stratified_draw_takes_some_of_small_classes_where_asked():
    labels = np.repeat([0, 1, 2], [100, 1, 2])
    found = splits.stratified(labels, 10, np.random.default_rng(0), at_least=1)
    assert np.bincount(labels[found]).tolist() == [8, 1, 1]


def test_a_stratified_draw_depends_on_its_seed():
    labels = np.arange(1000) % 10
    one, same, other = (
        splits.stratified(labels, 50, np.random.default_rng(seed)).tolist() for seed in (1, 1, 2)
    )
    assert one == same != other


@pytest.mark.parametrize(
    "count, labelled", [(10000, 1000), (4000, 500), (600, 300)], ids=["tenth", "500", "half"]
)
def test_a_drawn_split_labels_a_tenth_or_500_or_half(count, labelled):
    found = splits.drawn("x", ["a", "b"], pool(0), np.arange(count + 20) % 2, queries=20)
    assert found.train.labelled.sum() == labelled


def test_a_drawn_split_labels_each_class():
    labels = np.repeat(np.arange(30), 2)
    found = splits.drawn("x", [str(n) for n in range(30)], pool(0), labels, queries=[], labelled=3)
    assert found.train.labels[found.train.labelled].sum(axis=0).tolist() == [1] * 30


def test_a_drawn_split_parts_all_images():
    found = splits.drawn("x", ["a", "b"], pool(0), np.arange(100) % 2, queries=10)
    assert sorted([*found.query.index, *found.database.index]) == list(range(100))
    assert sorted(found.train.index) == found.database.index.tolist()
