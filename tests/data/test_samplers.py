import itertools

import numpy as np
import pytest

from tfhash.data import samplers

LABELLED = np.arange(50) % 5 == 0  # 10 of 50


def drawn(steps=20, batch_size=6, seed=0, epoch=0):
    return list(samplers.labelled_unlabelled(LABELLED, batch_size, steps, seed=seed, epoch=epoch))


def same(one, other):
    return all(
        np.array_equal(left[name], right[name]) for left, right in zip(one, other) for name in left
    )


def test_as_many_batches_as_steps_are_drawn():
    assert [len(drawn(steps)) for steps in (0, 1, 7)] == [0, 1, 7]


def test_labelled_and_unlabelled_positions_are_kept_apart():
    for batch in drawn():
        assert LABELLED[batch["labelled"]].all() and not LABELLED[batch["unlabelled"]].any()


def test_no_position_comes_twice_in_a_batch():
    for batch in drawn():
        assert [len(np.unique(rows)) for rows in batch.values()] == [6, 6]


def test_batches_are_drawn_independently():
    counts = np.bincount(np.concatenate([batch["labelled"] for batch in drawn(5)]))
    assert counts.max() > 3  # 30 draws of 10: without replacement over batches, each comes 3 times


def test_all_positions_come_at_last():
    seen = {row for batch in drawn(200) for rows in batch.values() for row in rows.tolist()}
    assert seen == set(range(50))


def test_positions_are_int64():
    assert {rows.dtype for rows in drawn(1)[0].values()} == {np.dtype(np.int64)}


def test_the_same_seed_and_epoch_give_the_same_batches():
    assert same(drawn(seed=3, epoch=4), drawn(seed=3, epoch=4))


@pytest.mark.parametrize("changed", [{"seed": 1}, {"epoch": 1}], ids=str)
def test_another_seed_or_epoch_gives_other_batches(changed):
    assert not same(drawn(), drawn(**changed))


@pytest.mark.parametrize(
    "labelled, kind", [(LABELLED, "labelled"), (~LABELLED, "unlabelled")], ids=str
)
def test_too_few_images_are_an_error_with_their_number(labelled, kind):
    with pytest.raises(ValueError, match=f"{kind} .*batch_size=11, 10 {kind} images.*=10 or"):
        next(samplers.labelled_unlabelled(labelled, 11, 1, seed=0, epoch=0))


def test_no_image_at_all_advises_no_batch_size():
    with pytest.raises(ValueError, match="0 labelled images. Use more images"):
        samplers.check_labelled_unlabelled(np.zeros(3, bool), 2)


def test_an_empty_batch_is_an_error():
    with pytest.raises(ValueError, match="`batch_size` >= 1. Received: batch_size=0"):
        samplers.check_labelled_unlabelled(LABELLED, 0)


def test_a_shuffled_pass_takes_each_item_once_at_most():
    rows = [batch["images"] for batch in samplers.shuffled(50, 8, seed=0, epoch=0)]
    assert [len(row) for row in rows] == [8] * 6
    assert len(np.unique(np.concatenate(rows))) == 48


def test_shuffled_goes_on_with_a_new_order():
    rows = [batch["images"] for batch in samplers.shuffled(16, 8, 5, seed=0, epoch=0)]
    first, second = (set(np.concatenate(rows[k : k + 2]).tolist()) for k in (0, 2))
    assert first == second == set(range(16))
    assert len(rows) == 5 and not np.array_equal(rows[0], rows[2])


def test_shuffled_depends_on_seed_and_epoch():
    pairs = [(0, 0), (0, 0), (1, 0), (0, 1)]
    one, again, *others = (
        next(samplers.shuffled(50, 8, seed=seed, epoch=epoch))["images"].tolist()
        for seed, epoch in pairs
    )
    assert one == again
    assert all(left != right for left, right in itertools.combinations([one, *others], 2))


def test_shuffled_needs_a_batch_of_images():
    with pytest.raises(ValueError, match="batch_size=8, 7 "):
        next(samplers.shuffled(7, 8, seed=0, epoch=0))


# ---- by class

NAMES = ("a", "b", "c", "d")
GROUPS = [np.arange(10), np.arange(10, 17), np.arange(17, 20), np.arange(20, 40)]


def grouped_rows(steps=30, per_batch=3, per_class=3, seed=0, epoch=0):
    return list(samplers.grouped(GROUPS, per_batch, per_class, steps, seed=seed, epoch=epoch))


def class_of(rows):
    return np.searchsorted([10, 17, 20], rows, side="right")


def test_a_batch_holds_classes_one_after_another():
    for rows in grouped_rows():
        classes = class_of(rows).reshape(3, 3)
        assert (classes == classes[:, :1]).all() and len(set(classes[:, 0])) == 3


def test_no_item_comes_twice_in_a_batch_of_classes():
    assert all(len(set(rows.tolist())) == 9 for rows in grouped_rows())


def test_a_class_gives_all_its_items_before_one_comes_again():
    """Of the 3 items of class c each draw takes all; of the 20 of class d six draws are new."""
    drawn_of_d = [rows[class_of(rows) == 3] for rows in grouped_rows(per_batch=4)]
    first = np.concatenate(drawn_of_d[:6])
    assert len(set(first.tolist())) == 18


def test_batches_of_classes_follow_from_seed_and_epoch():
    one, again = grouped_rows(), grouped_rows()
    assert all(np.array_equal(a, b) for a, b in zip(one, again))
    for other in (grouped_rows(seed=1), grouped_rows(epoch=1)):
        assert not all(np.array_equal(a, b) for a, b in zip(one, other))


def test_an_anchor_and_its_positive_are_two_items_of_one_class():
    for batch in samplers.pairs(GROUPS, 4, 20, seed=0, epoch=0):
        anchors, positives = batch["anchors"], batch["positives"]
        assert (class_of(anchors) == class_of(positives)).all() and (anchors != positives).all()
        assert len(set(class_of(anchors))) == 4


def test_more_classes_than_there_are_are_refused():
    with pytest.raises(ValueError, match="from 1 to the 4 of the dataset. Received: 5"):
        samplers.check_grouped(GROUPS, 5, 2, NAMES)


def test_classes_with_too_few_items_are_named():
    with pytest.raises(ValueError, match=r"fewer of 2: b \(7\), c \(3\)\."):
        samplers.check_grouped(GROUPS, 2, 8, NAMES)


def test_groups_are_the_labelled_items_of_each_class():
    labels = np.eye(2, dtype=np.uint8)[[0, 1, 0, 1, 1]]
    groups = samplers.class_groups(labels, np.array([1, 1, 1, 1, 0], bool), ("a", "b"))
    assert [group.tolist() for group in groups] == [[0, 2], [1, 3]]


def test_items_of_several_classes_cannot_be_grouped():
    with pytest.raises(ValueError, match="1 of 2 have none or several"):
        samplers.class_groups(np.array([[1, 1], [0, 1]]), np.ones(2, bool), ("a", "b"))


# ---- two streams


def streams(first, steps, count=10, batch_size=3, seed=0):
    drawn = samplers.two_streams(
        np.arange(100, 100 + count), batch_size, steps, seed=seed, first=first
    )
    return [np.stack([batch["first"], batch["second"]]) for batch in drawn]


@pytest.mark.parametrize("count, batches", [(10, 3), (11, 3), (12, 3), (13, 4)])
def test_an_order_gives_all_its_batches_but_the_last(count, batches):
    """The original's len(loader) - 1: of 12 items in batches of 3 a full one is left out."""
    drawn = np.concatenate(streams(0, 2 * batches, count), axis=1)  # [2, items]
    for stream in drawn:
        passes = stream.reshape(2, 3 * batches)
        assert all(len(set(order)) == 3 * batches for order in passes)
        assert passes[0].tolist() != passes[1].tolist()
    assert drawn[0].tolist() != drawn[1].tolist()


def test_the_orders_go_on_over_the_parts_of_a_training():
    """Parts of 4 steps cut an order of 3 in two, as the original's passes know no epochs."""
    whole = streams(0, 12)
    parts = [batch for first in (0, 4, 8) for batch in streams(first, 4)]
    np.testing.assert_array_equal(whole, parts)
    np.testing.assert_array_equal(whole[7:], streams(7, 5))


def test_items_for_one_batch_alone_come_in_every_step():
    drawn = streams(0, 4, count=3)
    assert all(sorted(stream) == [100, 101, 102] for batch in drawn for stream in batch)


def test_two_streams_depend_on_the_seed_and_need_a_batch_of_items():
    assert not np.array_equal(streams(0, 3), streams(0, 3, seed=1))
    with pytest.raises(ValueError, match="batch_size=3, 2 different images"):
        streams(0, 1, count=2)
