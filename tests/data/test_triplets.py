import itertools

import numpy as np
import pytest

from tests import golden
from tfhash.data import triplets

CASES = [
    f"{strategy}_{kind}" for strategy in triplets.STRATEGIES for kind in ("onehot", "multihot")
]


def golden_inputs(case):
    """Outputs and labels in the order that the original shuffled them to."""
    order = case["in_perm"]
    draw = golden.seeded.multi_hot_labels if "multi" in case.name else golden.seeded.one_hot_labels
    options = {"density": 0.15} if "multi" in case.name else {}
    return golden.seeded.embeddings(701, 61, 8)[order], draw(702, 61, 5, **options)[order]


def in_parts(array, count=4):
    """Consecutive parts as the original cuts them, with the position of the first item."""
    size = -(-len(array) // count)
    return [(start, array[start : start + size]) for start in range(0, len(array), size)]


@pytest.mark.parametrize("name", CASES)
def test_the_triplets_equal_the_original(name, monkeypatch):
    case = golden.case(f"deephash/triplets_{name}")
    outputs, labels = golden_inputs(case)
    # The order is given: the permutations of the selection become the identity.
    monkeypatch.setattr(np.random, "default_rng", lambda seed: Unshuffled(seed))
    strategy = case.args["select_strategy"]
    found = triplets.select(outputs, labels, margin=3.0, parts=4, strategy=strategy, seed=0)
    found = found[np.lexsort(found.T[::-1])]
    columns = 3 if strategy == "hard" else 2  # the negative is a random draw
    np.testing.assert_array_equal(found[:, :columns], case["out_triplets"][:, :columns])


class Unshuffled:
    """A generator that permutes nothing."""

    def __init__(self, seed):
        self.integers = np.random.Generator(np.random.PCG64(seed)).integers

    def permutation(self, items):
        return np.arange(items) if np.ndim(items) == 0 else items


@pytest.mark.parametrize("name", [name for name in CASES if "hard" not in name])
def test_the_numbers_of_candidates_equal_the_original(name):
    case = golden.case(f"deephash/triplets_{name}")
    outputs, labels = golden_inputs(case)
    margin = 3.0 if case.args["select_strategy"] == "margin" else np.inf
    counts = []
    for start, part in in_parts(outputs):
        own, anchors = labels[start : start + len(part)], np.arange(len(part))
        counts.append(triplets.negatives(part, own, anchors, margin=margin)[1])
    counts = np.concatenate(counts)
    np.testing.assert_array_equal(np.sort(counts[counts > 0]), case["out_candidates"])


def selected(strategy="margin", count=60, classes=3, parts=1, margin=4.0, seed=0, **data):
    outputs = data.get("outputs", golden.seeded.embeddings(1, count, 4))
    labels = data.get("labels", golden.seeded.multi_hot_labels(2, count, classes))
    found = triplets.select(
        outputs, labels, margin=margin, parts=parts, strategy=strategy, seed=seed
    )
    return found, outputs, labels


@pytest.mark.parametrize("strategy", triplets.STRATEGIES)
def test_anchor_and_positive_share_a_label_and_anchor_and_negative_do_not(strategy):
    found, _, labels = selected(strategy, parts=3)
    anchor, positive, negative = labels[found.T]
    assert len(found) > 20
    assert (anchor * positive).any(axis=1).all() and not (anchor * negative).any()
    assert (found[:, 0] != found[:, 1]).all()


def test_each_negative_violates_the_margin():
    found, outputs, _ = selected(margin=0.5)
    anchor, positive, negative = outputs[found.T]
    near, far = (np.square(anchor - other).sum(axis=1) for other in (positive, negative))
    assert (far - near < 0.5).all() and (far > near).any() and (far < near).any()


def test_the_violating_negatives_of_each_pair_equal_a_loop():
    outputs, labels = golden.seeded.embeddings(3, 25, 3), golden.seeded.one_hot_labels(4, 25, 3)
    anchors = np.arange(5, 20)
    pairs, counts, ranking = triplets.negatives(outputs, labels, anchors, margin=1.5)
    distances = np.square(outputs[:, None] - outputs).sum(axis=2)
    expected = {}
    for anchor, positive in itertools.product(anchors, range(25)):
        if anchor != positive and labels[anchor] @ labels[positive]:
            close = distances[anchor] - distances[anchor, positive] < 1.5
            expected[anchor, positive] = {*np.flatnonzero(close & ~(labels @ labels[anchor] > 0))}
    first = {tuple(pair): set(ranking[pair[0] - 5, :count]) for pair, count in zip(pairs, counts)}
    assert first == expected and len(set(counts)) > 3


def test_every_violating_negative_is_drawn_at_last():
    outputs = np.array([[0.0], [1.0], [2.0], [3.0], [9.0]])
    labels = np.eye(2)[[0, 0, 1, 1, 1]]
    drawn = {
        tuple(triplet)
        for seed in range(40)
        for triplet in selected(outputs=outputs, labels=labels, margin=9.0, seed=seed)[0].tolist()
        if triplet[:2] == [0, 1]
    }
    assert drawn == {(0, 1, 2), (0, 1, 3)}  # squared distances 1; 4, 9, 81


def test_hard_takes_the_farthest_positive_and_the_nearest_negative():
    outputs = np.array([[0.0], [1.0], [5.0], [2.0], [9.0]])
    labels = np.eye(2)[[0, 0, 0, 1, 1]]
    found, *_ = selected("hard", outputs=outputs, labels=labels)
    assert sorted(found.tolist()) == [[0, 2, 3], [1, 2, 3], [2, 0, 3], [3, 4, 1], [4, 3, 2]]


def test_no_triplet_crosses_a_part():
    """With as many parts as items, every part holds one."""
    assert selected(parts=60)[0].shape == (0, 3)


@pytest.mark.parametrize("strategy", triplets.STRATEGIES)
def test_one_class_only_gives_no_triplet(strategy):
    labels = np.ones((20, 1))
    outputs = golden.seeded.embeddings(1, 20, 4)
    assert selected(strategy, outputs=outputs, labels=labels)[0].shape == (0, 3)


@pytest.mark.parametrize("strategy", triplets.STRATEGIES)
def test_items_without_a_label_are_negatives_alone(strategy):
    labels = np.eye(2)[[0, 0, 1]]
    labels[2] = 0
    found, *_ = selected(strategy, outputs=np.array([[0.0], [1.0], [2.0]]), labels=labels)
    assert sorted(found.tolist()) == [[0, 1, 2], [1, 0, 2]]


@pytest.mark.parametrize("strategy", triplets.STRATEGIES)
def test_the_selection_does_not_depend_on_the_blocks_of_anchors(strategy, monkeypatch):
    whole = selected(strategy)[0]
    monkeypatch.setattr(triplets, "BLOCK", 60 * 7)
    blocks = selected(strategy)[0]
    assert {tuple(row[:2]) for row in whole} == {tuple(row[:2]) for row in blocks}


def test_the_selection_depends_on_its_seed_alone():
    one, again, other = (selected(seed=(seed, 1))[0] for seed in (0, 0, 5))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_negative_margin_keeps_clear_violations_only():
    outputs = np.array([[0.0], [3.0], [1.0], [2.9]])
    labels = np.eye(2)[[0, 0, 1, 1]]
    found, *_ = selected(outputs=outputs, labels=labels, margin=-5.0)
    assert [0, 1, 2] in found.tolist() and [0, 1, 3] not in found.tolist()
