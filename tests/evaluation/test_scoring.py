"""Metrics from codes and labels: the originals' numbers, tie policies, and what is refused."""

import dataclasses
import itertools

import numpy as np
import pytest

from tests import golden
from tfhash.evaluation.scoring import Scoring
from tfhash.retrieval import codes

# Distances of the original that order as one of the engine's.
DISTANCES = {
    "inner_product": "inner_product",
    "euclidean2": "euclidean",
    "euclidean": "euclidean",
    "averaged_euclidean2": "euclidean",
    "averaged_euclidean": "euclidean",
    "normed_euclidean2": "cosine",
    "cosine": "cosine",
}
POLICIES = ("stable", "expected", "best", "worst")


@dataclasses.dataclass
class Part:
    """What a metric needs of an encoded part."""

    labels: np.ndarray


def parts(given):
    return Part(given["query_labels"]), Part(given["database_labels"])


def maps(database, queries, given, tops, ties="stable"):
    """mAP at each R as DeepHash and HashNet have it, without queries that find nothing."""
    query, labelled = parts(given)
    return [
        Scoring(top=int(top), ties=ties).mean_average_precision(
            database, queries, query, labelled, missing="skip"
        )
        for top in tops
    ]


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("kind", ["onehot", "multihot"])
def test_map_by_feature_equals_deephash(kind, distance):
    case = golden.case(f"deephash/metrics_feature_{kind}")
    given = golden.retrieval(case)
    database = codes.FloatCodes(given["database_output"], DISTANCES[distance])
    found = maps(database, given["query_output"], given, case["in_R"])
    np.testing.assert_allclose(found, case[f"out_{distance}"], rtol=1e-6)


@pytest.mark.parametrize("kind", ["onehot", "multihot"])
@pytest.mark.parametrize("distance", ["inner_product", "euclidean2", "cosine"])
def test_map_of_additive_codes_equals_deephash(kind, distance):
    """AQD: query features against reconstructions; SQD: reconstructions of both."""
    case = golden.case(f"deephash/metrics_cq_{kind}")
    given = golden.retrieval(case)
    books = given["C"].reshape(4, 16, 32)
    database, query = (
        codes.AdditiveCodes(case[f"in_{part}_code_ids"], books, DISTANCES[distance])
        for part in ("database", "query")
    )
    for name, queries in (("AQD", given["query_output"]), ("SQD", query)):
        found = maps(database, queries, given, case["in_R"])
        np.testing.assert_allclose(found, case[f"out_{name}_{distance}"], rtol=1e-6)


@pytest.mark.parametrize("kind", ["onehot", "multihot"])
def test_reranking_by_feature_equals_deephash(kind):
    case = golden.case(f"deephash/metrics_rerank_{kind}")
    given = golden.retrieval(case)
    found = maps(reranked(given, "database"), reranked(given, "query"), given, case["in_R"])
    np.testing.assert_allclose(found, case["out_map"], rtol=1e-9)


def reranked(given, part):
    outputs = given[f"{part}_output"]
    return codes.RerankedCodes(codes.BinaryCodes.from_signs(outputs), codes.FloatCodes(outputs))


def binary(given):
    return [codes.BinaryCodes.from_signs(given[f"{p}_output"]) for p in ("database", "query")]


def test_stable_ties_of_signs_equal_deephash_with_a_stable_sort():
    case = golden.case("deephash/metrics_sign_ties")
    given = golden.retrieval(case)
    found = maps(*binary(given), given, case["in_R"])
    np.testing.assert_allclose(found, case["out_stable"], rtol=1e-9)


def test_expected_ties_of_signs_are_the_mean_of_deephash_over_random_orders():
    case = golden.case("deephash/metrics_sign_ties")
    given = golden.retrieval(case)
    found = maps(*binary(given), given, case["in_R"], "expected")
    assert (np.abs(found - case["out_perm_mean"]) < 4 * case["out_perm_std"]).all()


@pytest.mark.parametrize("ties, name", [("worst", "bound_low"), ("best", "bound_high")])
def test_the_bounds_of_ties_equal_deephash(ties, name):
    case = golden.case("deephash/metrics_sign_ties")
    given = golden.retrieval(case)
    found = maps(*binary(given), given, case["in_R"], ties)
    np.testing.assert_allclose(found, case[f"out_{name}"], rtol=1e-9)


def parity(given):
    """Labels that follow the parity of the positive bits, so that no tie matters."""
    rows = np.zeros((2, 6))
    rows[0, [0, 2]] = rows[1, [1, 3]] = 1
    labels = rows[(given["database_output"] > 0).sum(1) % 2]
    return given | {"database_labels": labels}


@pytest.mark.parametrize("ties", POLICIES)
def test_signs_whose_ties_do_not_matter_equal_deephash(ties):
    case = golden.case("deephash/metrics_sign_parity")
    given = parity(golden.retrieval(case))
    found = maps(*binary(given), given, case["in_R"], ties)
    np.testing.assert_allclose(found, case["out_inner_product"], rtol=1e-9)


@pytest.mark.parametrize("kind", ["onehot", "multihot"])
@pytest.mark.parametrize("bits", [12, 16])
def test_metrics_within_a_radius_equal_deephash(kind, bits):
    case = golden.case(f"deephash/metrics_radius_{kind}_{bits}bits")
    given = golden.retrieval(case)
    for radius, expected in zip(case["in_radius"], case["out_prec_rec_map"]):
        found = Scoring().within_radius(
            reranked(given, "database"), reranked(given, "query"), *parts(given), radius=int(radius)
        )
        np.testing.assert_allclose(list(found.values()), expected, rtol=1e-9)


@pytest.mark.parametrize("kind", ["onehot", "multihot"])
@pytest.mark.parametrize("bits", [12, 16])
def test_curves_over_the_radius_equal_deephash(kind, bits):
    case = golden.case(f"deephash/metrics_radius_all_{kind}_{bits}bits")
    given = golden.retrieval(case)
    found = Scoring().radius_curves(*binary(given), *parts(given))
    np.testing.assert_allclose(found["precision"], case["out_prec"], rtol=1e-9)
    np.testing.assert_allclose(found["recall"], case["out_rec"], rtol=1e-9)
    np.testing.assert_allclose(found["mAP"], case["out_map_stable"], rtol=1e-9)
    mean = Scoring(ties="expected").radius_curves(*binary(given), *parts(given))
    spread = 4 * case["out_map_perm_std"] + 1e-12
    assert (np.abs(mean["mAP"] - case["out_map_perm_mean"]) < spread).all()


@pytest.mark.parametrize("ties", POLICIES)
def test_curves_whose_ties_do_not_matter_equal_deephash(ties):
    case = golden.case("deephash/metrics_radius_all_parity")
    given = golden.retrieval(case)
    labels = seeded_queries(case)
    given = parity(given) | {"query_labels": labels}
    found = Scoring(ties=ties).radius_curves(*binary(given), *parts(given))
    for name, key in (("precision", "prec"), ("recall", "rec"), ("mAP", "map")):
        np.testing.assert_allclose(found[name], case[f"out_{key}"], rtol=1e-9)


def seeded_queries(case):
    """The labels of the case's note: every query has one of the first four classes."""
    labels = golden.seeded.multi_hot_labels(420, 24, 6, density=0.3)
    some = labels[:, :4].sum(1, keepdims=True) > 0
    labels[:, :4] = np.where(some, labels[:, :4], [1, 0, 0, 0])
    return labels


def test_labels_that_query_and_database_share_are_not_written_to():
    """The original turns zeros to -1 in place, which spoils its second call."""
    case = golden.case("deephash/metrics_quirks")
    given = golden.retrieval(case)
    labels = given["database_labels"]
    before = labels.copy()
    database = codes.FloatCodes(given["database_output"])
    for _ in range(2):
        found = Scoring().mean_average_precision(
            database, given["database_output"], Part(labels), Part(labels), missing="skip"
        )
        assert found == pytest.approx(float(case["out_self_fresh"]), rel=1e-9)
    np.testing.assert_array_equal(labels, before)


@pytest.mark.parametrize(
    "name",
    ["continuous_onehot", "continuous_multihot", "continuous_missing_class", "sign_tie_invariant"],
)
def test_map_equals_hashnet(name):
    case = golden.case("hashnet/mean_average_precision")
    given = {
        "query_labels": case[f"{name}/in_test_labels"],
        "database_labels": case[f"{name}/in_database_labels"],
    }
    database = codes.FloatCodes(case[f"{name}/in_database_code"])
    found = maps(database, case[f"{name}/in_test_code"], given, case[f"{name}/in_R"])
    np.testing.assert_allclose(found, case[f"{name}/out_map"], rtol=1e-9)


def test_signs_with_zeros_equal_hashnet_with_a_stable_sort():
    case = golden.case("hashnet/mean_average_precision")
    name = "sign_ties_info"
    given = {
        "query_labels": case[f"{name}/in_test_labels"],
        "database_labels": case[f"{name}/in_database_labels"],
    }
    database = codes.FloatCodes(case[f"{name}/in_database_code"])
    expected = [case[f"{name}/out_map_stable_R{top}"] for top in (300, 50)]
    found = maps(database, case[f"{name}/in_test_code"], given, (300, 50))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def small():
    """Four items of one label or the other at distances 0, 1, 1 and 2 of one query."""
    database = codes.BinaryCodes.from_bits([[0, 0], [0, 1], [1, 0], [1, 1]])
    queries = codes.BinaryCodes.from_bits([[0, 0]])
    return (
        database,
        queries,
        Part(np.array([[1, 0]])),
        Part(np.array([[0, 1], [0, 1], [1, 0], [1, 0]])),
    )


@pytest.mark.parametrize("ties, second", [("stable", 3), ("best", 2), ("worst", 3)])
def test_a_tie_by_hand(ties, second):
    """Relevant are one of the two items at distance 1, and the last: ranks 2 or 3, and 4."""
    found = Scoring(ties=ties).mean_average_precision(*small())
    assert found == pytest.approx((1 / second + 2 / 4) / 2)


def test_the_expected_tie_by_hand():
    found = Scoring(ties="expected").mean_average_precision(*small())
    assert found == pytest.approx(((1 / 2 + 1 / 3) / 2 + 2 / 4) / 2)


def random_case(kind, seed, n=60, q=5):
    rng = np.random.default_rng(seed)
    outputs = rng.standard_normal((n, 6)).astype(np.float32)
    if kind == "binary":
        database, queries = (
            codes.BinaryCodes.from_signs(part) for part in (outputs, outputs[:q] + 1)
        )
    elif kind == "float":
        database, queries = codes.FloatCodes(np.round(outputs)), np.round(outputs[:q] + 1)
    else:
        books = rng.integers(-1, 2, (3, 4, 2)).astype(np.float32)
        database, queries = (
            codes.QuantizedCodes(rng.integers(0, 4, (n, 3)), books),
            np.round(outputs[:q]),
        )
    labels = rng.random((n, 3)) < 0.4
    return database, queries, Part(labels[:q]), Part(labels)


@pytest.mark.parametrize("kind", ["binary", "float", "quantized"])
@pytest.mark.parametrize("top", [None, 7])
def test_the_policies_are_in_order(kind, top):
    """With one divisor for all; the relevant items among the first R depend on the order too."""
    worst, stable, mean, best = (
        Scoring(ties=ties, top=top, map_denominator="all").mean_average_precision(
            *random_case(kind, 0)
        )
        for ties in ("worst", "stable", "expected", "best")
    )
    assert worst <= min(stable, mean) and max(stable, mean) <= best and worst < best


@pytest.mark.parametrize("kind", ["binary", "float", "quantized"])
@pytest.mark.parametrize("top", [None, 7])
def test_the_expected_policy_is_the_mean_over_random_databases(kind, top):
    database, queries, query, labelled = random_case(kind, 1)
    rng = np.random.default_rng(0)
    found = []
    for _ in range(400):
        order = rng.permutation(len(database))
        part = Part(labelled.labels[order])
        found.append(Scoring(top=top).mean_average_precision(database[order], queries, query, part))
    mean = Scoring(ties="expected", top=top).mean_average_precision(
        database, queries, query, labelled
    )
    assert mean == pytest.approx(np.mean(found), abs=4 * np.std(found) / 20)


@pytest.mark.parametrize("ties, top", list(itertools.product(POLICIES, [None, 9])))
def test_little_memory_gives_the_same_numbers(ties, top):
    for kind in ("binary", "quantized"):
        case = random_case(kind, 2)
        plenty = Scoring(ties=ties, top=top).mean_average_precision(*case)
        little = Scoring(ties=ties, top=top, max_memory=1).mean_average_precision(*case)
        assert little == pytest.approx(plenty, rel=1e-12)


@pytest.mark.parametrize("ties", POLICIES)
def test_curves_end_at_the_whole_database(ties):
    database, queries, query, labelled = random_case("binary", 3)
    found = Scoring(ties=ties).curves(database, queries, query, labelled)
    share = (query.labels.astype(int) @ labelled.labels.T > 0).mean()
    assert found["N"][0] == 1 and found["N"][-1] == 60
    assert found["precision"][-1] == pytest.approx(share)
    assert found["recall"][-1] == pytest.approx(1)


def test_the_textbooks_denominator_counts_what_was_not_found():
    """Top 2 of `small`: no relevant item is found but in the second place of the best order."""
    original, textbook = (
        Scoring(ties="best", top=2, map_denominator=name).mean_average_precision(*small())
        for name in ("retrieved", "all")
    )
    assert (original, textbook) == pytest.approx((1 / 2, 1 / 4))


def test_a_query_without_relevant_items_is_zero_or_left_out():
    database, queries, query, labelled = small()
    nothing = Part(np.zeros((1, 2), int))
    both = codes.BinaryCodes.from_bits([[0, 0], [0, 0]])
    two = Part(np.concatenate([query.labels, nothing.labels]))
    one = Scoring().mean_average_precision(database, queries, query, labelled)
    zero = Scoring().mean_average_precision(database, both, two, labelled)
    skip = Scoring().mean_average_precision(database, both, two, labelled, missing="skip")
    assert (zero, skip) == pytest.approx((one / 2, one))


@pytest.mark.parametrize("options", [{"ties": "random"}, {"map_denominator": "some"}, {"top": 0}])
def test_unknown_conventions_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Scoring(**options)


def test_labels_that_do_not_go_with_the_codes_are_refused():
    database, queries, query, labelled = small()
    with pytest.raises(ValueError, match="1 queries.*4 codes, 3 labels"):
        Scoring().mean_average_precision(database, queries, query, Part(labelled.labels[:3]))


def test_no_queries_are_refused():
    database, queries, query, labelled = small()
    with pytest.raises(ValueError, match="query_labels"):
        Scoring().mean_average_precision(database, queries[:0], Part(query.labels[:0]), labelled)


def test_a_matrix_of_relevance_replaces_the_labels():
    database, queries, query, labelled = random_case("quantized", 4)
    matrix = (query.labels.astype(int) @ labelled.labels.T > 0).astype(np.uint8)
    by_labels = Scoring().mean_average_precision(database, queries, query, labelled)
    other = Part(1 - query.labels), Part(1 - labelled.labels)
    assert Scoring(relevant=matrix).mean_average_precision(database, queries, *other) == by_labels
