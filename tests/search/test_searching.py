"""The search in an index: what is found, in which order, and how sure that is."""

import contextlib

import numpy as np
import pytest

from tests import examples
from tests.search import small
from tfhash import methods
from tfhash.retrieval import codes, ranking
from tfhash.search import searching, store

RNG = np.random.default_rng(0)


@pytest.fixture
def opened(tmp_path):
    """A `Searcher` of images with 0 to 9 ones in their codes, in two folders by turns."""
    values = {f"{'odd' if n % 2 else 'even'}__p{n}": n for n in range(10)}
    small.update(tmp_path / "index", small.write(tmp_path / "photos", **values), keep_outputs=True)
    with contextlib.closing(store.Store(tmp_path / "index")) as index:
        yield index, lambda **options: searching.Searcher(index, small.Head(), **options)


def found(answers):
    """(name, distance) of each answer."""
    return [(one.name, one.distance) for one in answers]


def test_the_nearest_come_first(opened):
    [answers] = opened[1]().search(np.float32([[2.0]]), 2)
    assert found(answers[:1]) == [("even/p2.png", 0)]
    assert answers[1].distance == 1 and [one.rank for one in answers] == [1, 2]


def test_a_search_for_several_is_that_for_each(opened):
    searcher = opened[1]()
    together = searcher.search(np.float32([[2.0], [7.0]]), 3)
    assert together == [searcher.search(np.float32([[value]]), 3)[0] for value in (2, 7)]


def test_more_answers_than_there_are_images_are_all(opened):
    [answers] = opened[1]().search(np.float32([[2.0]]), 99)
    assert len(answers) == 10


def test_within_a_folder_only_its_images_are_found(opened):
    searcher = opened[1]()
    for _ in range(2):  # the second time from what was kept
        [answers] = searcher.search(np.float32([[2.0]]), 3, "odd/*")
        assert sorted(one.name for one in answers[:2]) == ["odd/p1.png", "odd/p3.png"]
        assert {one.name.split("/")[0] for one in answers} == {"odd"}
    assert searcher.search(np.float32([[2.0]]), 99, "even/p[24].png")[0][0].name == "even/p2.png"


def test_a_pattern_that_fits_no_path_is_refused(opened):
    with pytest.raises(ValueError, match="None fits 'nothing/\\*'"):
        opened[1]().search(np.float32([[2.0]]), 3, "nothing/*")


def test_few_patterns_are_kept(opened, monkeypatch):
    monkeypatch.setattr(searching, "KEPT", 2)
    searcher = opened[1]()
    for pattern in ("*", "odd/*", "even/*", "odd/p1*"):
        searcher.search(np.float32([[2.0]]), 1, pattern)
    assert list(searcher._parts) == ["even/*", "odd/p1*"]


def test_outputs_order_what_codes_do_not_tell_apart(opened):
    """The code of 2.4 is that of 3: two ones above 2.4 less than 3; by outputs 2 is nearer."""
    query = np.float32([[2.4, 1.0]])
    by_code = opened[1]().search(query, 1)[0][0]
    by_output = opened[1](rerank=True).search(query, 3)[0]
    assert by_code.name == "odd/p3.png" and by_code.distance == 0
    expected = [("even/p2.png", 0.16), ("odd/p3.png", 0.36), ("odd/p1.png", 1.96)]
    for (name, distance), (other, wanted) in zip(found(by_output), expected, strict=True):
        assert name == other and distance == pytest.approx(wanted, abs=1e-3)


def test_an_image_that_was_dropped_since_is_left_out(opened):
    index, make = opened
    searcher = make()
    index.drop([index.entry("even/p2.png")[0]])
    assert "even/p2.png" not in [one.name for one in searcher.search(np.float32([[2.0]]), 10)[0]]


@pytest.mark.parametrize("method", methods.names())
def test_images_of_every_method_find_themselves(method, tmp_path):
    """By codes and by outputs, in an index of the model's own codes."""
    model = examples.model(method)
    images = RNG.integers(0, 256, (12, 16, 16, 3), dtype=np.uint8)
    outputs, head = model.embed(images), model.recipe.head
    store.create(tmp_path, {"fingerprint": "", "model": "", "root": "", "base": ""})
    with contextlib.closing(store.Store(tmp_path)) as index:
        names = [f"{number}.png" for number in range(12)]
        index.add(names, [(0, 0)] * 12, head.indexed(outputs), outputs)
        searcher = searching.Searcher(index, head)
        expected = ranking.search(head.indexed(outputs), head.queries(outputs), 12).distances
        for own, wanted in zip(searcher.search(outputs, 12), expected):
            wanted = wanted[np.isfinite(wanted)] if wanted.dtype.kind == "f" else wanted
            np.testing.assert_allclose([one.distance for one in own], wanted, atol=1e-4)
        again = searching.Searcher(index, head, rerank=True)
        features = head.features(outputs)
        nearest = features.distances(features).argmin(axis=1)
        first = [int(own[0].name.removesuffix(".png")) for own in again.search(outputs, 12)]
        assert np.mean(first == nearest) > 0.9  # float16 may turn near ties over


# ---- which index is searched

MANY = codes.BinaryCodes.from_bits(RNG.integers(0, 2, (4000, 48)))
CLUSTERS = RNG.integers(0, 2, (20, 48))[RNG.integers(0, 20, 4000)]
CLUSTERED = codes.BinaryCodes.from_bits(CLUSTERS ^ (RNG.random((4000, 48)) < 0.04))


def kind(made):
    return type(made.index).__name__


@pytest.fixture(autouse=True)
def shown(caplog):
    caplog.set_level("INFO")
    return caplog


def test_few_codes_are_searched_exactly(shown):
    assert kind(searching.fitting(CLUSTERED)) == "IndexBinaryFlat" and not shown.text


def test_many_codes_are_searched_approximately_where_that_finds_them(shown, monkeypatch):
    monkeypatch.setattr(searching, "MANY", 4000)
    assert kind(searching.fitting(CLUSTERED)) == "IndexBinaryIVF"
    assert "of the nearest 10 of 100 images" in shown.text
    assert float(shown.text.split("finds ")[1].split()[0]) >= 95


def test_many_codes_are_searched_exactly_where_it_does_not(shown, monkeypatch):
    monkeypatch.setattr(searching, "MANY", 4000)
    monkeypatch.setattr(searching, "RECALL", 1.01)
    assert kind(searching.fitting(MANY)) == "IndexBinaryFlat"
    assert "The search is exact. --approximate takes" in shown.text


def test_exact_and_approximate_search_can_be_asked_for(monkeypatch):
    assert kind(searching.fitting(MANY, True)) == "IndexBinaryIVF"
    monkeypatch.setattr(searching, "MANY", 10)
    assert kind(searching.fitting(CLUSTERED, False)) == "IndexBinaryFlat"


def test_more_lists_are_looked_into_until_enough_is_found(monkeypatch):
    monkeypatch.setattr(searching, "RECALL", 1.01)
    made = searching.fitting(MANY, True).index
    assert made.nlist / 4 < made.nprobe * 2 and made.nprobe <= made.nlist / 2


def test_recall_counts_items_that_are_as_near():
    exact = searching.indexes.base.Neighbours(np.array([[0, 1, 2]]), np.array([[1, 2, 2]]))
    other = searching.indexes.base.Neighbours(np.array([[0, 7, -1]]), np.array([[1, 2, 99]]))
    assert searching._recall(other, exact) == pytest.approx(2 / 3)


def test_codes_without_an_index_have_no_approximate_search(monkeypatch):
    table = codes.TableCodes.from_values(np.eye(3), np.zeros((3, 2)), 1)
    monkeypatch.setattr(searching, "MANY", 2)
    assert searching.fitting(table).index is None
    with pytest.raises(ValueError, match="distances of TableCodes. Leave out --approximate"):
        searching.fitting(table, True)
