import numpy as np
import pytest

from tests.data import small_splits
from tests.data.small_splits import pool, with_labels
from tfhash.data import splits


@pytest.fixture
def small():
    return small_splits.small()


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
    positions = {"labelled": [0], "unlabelled": [1], "query": [2], "database": [3]}
    labels = np.array([0, -1, 1, 1])
    part = splits.of_indices("x", ["a", "b"], pool(4), labels, **positions).train
    assert part.labels.tolist() == [[1, 0], [0, 0]]


def test_labels_of_another_length_are_refused(small):
    with pytest.raises(ValueError, match=r"`labels` \[6, classes\].*\[5, 3\]"):
        with_labels(small.query, small.query.labels[:5])


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
