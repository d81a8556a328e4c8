import numpy as np
import pytest

from tests import golden
from tfhash.metrics import average_precision
from tfhash.retrieval import two_step
from tfhash.retrieval.codes import BinaryCodes, FloatCodes, RerankedCodes

CASES = ("t12_k120", "t3_k10", "t12_k10", "t48_k120")


@pytest.fixture(scope="module")
def case():
    return golden.case("latent/similarity_search")


def reranked(bits, features):
    return RerankedCodes(BinaryCodes.from_bits(bits), FloatCodes(features, "euclidean"))


def parts(case):
    return [
        reranked(case[f"in_{part}_bits"], case[f"in_{part}_float"])
        for part in ("database", "query")
    ]


def test_the_distances_equal_the_original(case):
    database, query = parts(case)
    np.testing.assert_array_equal(database.codes.distances(query.codes), case["out_hamming"])
    found = np.sqrt(database.features.distances(query.features).astype(np.float64))
    np.testing.assert_allclose(found, case["out_euclidean"], rtol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_the_items_found_equal_the_original(case, name, monkeypatch):
    """However many queries and items are compared at once."""
    expected = [row[row >= 0] for row in case[f"{name}/out_fine_indices"]]
    for block, numbers in ((two_step.BLOCK, two_step.ROWS), (7, 640), (1, 1)):
        monkeypatch.setattr(two_step, "BLOCK", block)
        monkeypatch.setattr(two_step, "ROWS", numbers)
        found = two_step.search(
            *parts(case), int(case[f"{name}/in_threshold"]), int(case[f"{name}/in_k"])
        )
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", CASES)
def test_the_candidates_equal_the_original(case, name):
    database, query = parts(case)
    found = two_step.search(database, query, int(case[f"{name}/in_threshold"]), len(database))
    assert [len(one) for one in found] == case[f"{name}/out_counts"].tolist()
    candidates = np.concatenate([np.sort(one) for one in found])
    np.testing.assert_array_equal(candidates, case[f"{name}/out_coarse_indices_concatenated"])


@pytest.mark.parametrize("name", CASES)
def test_the_precision_equals_the_original(case, name):
    found = two_step.search(
        *parts(case), int(case[f"{name}/in_threshold"]), int(case[f"{name}/in_k"])
    )
    labels = case["in_database_labels"].argmax(1)
    wanted = case["in_query_labels"].argmax(1)
    ranks = [np.flatnonzero(labels[items] == own) for items, own in zip(found, wanted)]
    each = average_precision.average_precision(ranks, total=np.array([len(f) for f in found]))
    np.testing.assert_allclose(np.nan_to_num(each), case[f"{name}/out_per_query"], atol=1e-9)
    np.testing.assert_allclose(np.nan_to_num(each).mean(), case[f"{name}/out_map"], atol=1e-9)


def test_items_of_equal_distance_are_in_database_order():
    database = reranked(np.zeros((6, 4)), np.array([[2.0], [1], [2], [0], [1], [2]]))
    query = reranked(np.zeros((1, 4)), np.zeros((1, 1)))
    for k, expected in ((6, [3, 1, 4, 0, 2, 5]), (4, [3, 1, 4, 0]), (2, [3, 1])):
        assert two_step.search(database, query, 0, k)[0].tolist() == expected


def test_a_radius_without_items_finds_none():
    database = reranked(np.ones((3, 4)), np.zeros((3, 2)))
    query = reranked([[0, 0, 0, 0], [1, 1, 1, 1]], np.zeros((2, 2)))
    found = two_step.search(database, query, 3, 5)
    assert [items.tolist() for items in found] == [[], [0, 1, 2]]


def test_a_k_of_zero_is_refused():
    database = reranked(np.ones((3, 4)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="`k` >= 1. Received: 0"):
        two_step.search(database, database, 3, 0)
