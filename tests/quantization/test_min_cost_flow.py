import itertools
import sys

import numpy as np
import pytest

from tests import golden
from tfhash.quantization import min_cost_flow

CASE = golden.case("hash_table/solver")
NAMES = sorted(key[3:-5] for key in CASE.keys() if key.startswith("in_") and key.endswith("_args"))


def problem(name):
    """The values, k and the pair cost of a golden case."""
    classes, buckets, k, pair_cost, seed, scale = CASE[f"in_{name}_args"]
    if f"in_{name}_unary" in CASE:
        return CASE[f"in_{name}_unary"], int(k), float(pair_cost)
    values = golden.seeded.embeddings(int(seed), int(classes), int(buckets), float(scale))
    return values, int(k), float(pair_cost)


@pytest.mark.parametrize("name", NAMES)
def test_the_cost_is_that_of_the_original(name):
    values, k, pair_cost = problem(name)
    chosen = min_cost_flow.assign(values, k, pair_cost=pair_cost)
    found = min_cost_flow.total_cost(values, chosen, pair_cost=pair_cost)
    total, unary, shared = CASE[f"out_{name}_cost"]
    assert sum(found) == total
    if CASE[f"out_{name}_gap"] > 0:  # the optimum is the only one
        assert found == (unary, shared)
        np.testing.assert_array_equal(chosen, CASE[f"out_{name}_assignment"])


@pytest.mark.parametrize("name", NAMES)
def test_the_integer_costs_are_those_of_the_original(name):
    values, _, _ = problem(name)
    np.testing.assert_array_equal(min_cost_flow.integer_costs(values), CASE[f"out_{name}_int_cost"])


def cheapest(values, k, pair_cost):
    """The least cost over all ways to give each class k buckets."""
    classes, buckets = values.shape
    rows = [np.isin(np.arange(buckets), c) for c in itertools.combinations(range(buckets), k)]
    return min(
        sum(min_cost_flow.total_cost(values, np.array(choice), pair_cost=pair_cost))
        for choice in itertools.product(rows, repeat=classes)
    )


@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize("pair_cost", [0.0, 0.05, 0.7, 10.0])
def test_no_choice_is_cheaper(k, pair_cost):
    values = np.random.default_rng(k).normal(size=(4, 4)).astype(np.float32)
    chosen = min_cost_flow.assign(values, k, pair_cost=pair_cost)
    found = min_cost_flow.total_cost(values, chosen, pair_cost=pair_cost)
    assert sum(found) == cheapest(values, k, pair_cost)


def test_a_bucket_that_all_want_is_shared_where_sharing_is_cheap(monkeypatch):
    """All 32 classes in one bucket, though two arcs from it are tried first: 2, 4, ... 32."""
    tried = []
    flow = min_cost_flow._flow
    monkeypatch.setattr(
        min_cost_flow, "_flow", lambda *given: tried.append(given[-1]) or flow(*given)
    )
    values = np.zeros((32, 64), np.float32)
    values[:, 5] = 10
    chosen = min_cost_flow.assign(values, 1, pair_cost=0.001)
    assert chosen[:, 5].all() and chosen.sum() == 32
    assert tried == [2, 4, 8, 16, 32]


def test_equal_values_are_spread_evenly():
    chosen = min_cost_flow.assign(np.zeros((8, 4)), 1, pair_cost=1.0)
    assert chosen.sum(axis=0).tolist() == [2, 2, 2, 2]


def test_every_class_has_k_buckets():
    values = np.random.default_rng(0).normal(size=(20, 6))
    assert (min_cost_flow.assign(values, 5, pair_cost=0.3).sum(axis=1) == 5).all()


@pytest.mark.parametrize("k", [0, 5])
def test_more_buckets_than_there_are_is_refused(k):
    with pytest.raises(ValueError, match=f"`k` from 1 to the 4 buckets.*Received: {k}"):
        min_cost_flow.assign(np.zeros((3, 4)), k, pair_cost=1.0)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e6])
def test_values_that_no_cost_holds_are_refused(value):
    with pytest.raises(ValueError, match="which costs of 32 bits hold"):
        min_cost_flow.assign(np.full((2, 2), value), 1, pair_cost=1.0)


@pytest.mark.parametrize("pair_cost", [-1.0, np.nan, 1e9])
def test_a_pair_cost_out_of_range_is_refused(pair_cost):
    with pytest.raises(ValueError, match="Expected `pair_cost` from 0"):
        min_cost_flow.assign(np.zeros((2, 2)), 1, pair_cost=pair_cost)


def test_without_the_package_the_error_gives_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "ortools.graph.python", None)
    with pytest.raises(ImportError, match="pip install ortools"):
        min_cost_flow.require()
