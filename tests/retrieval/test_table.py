import numpy as np
import pytest

from tests import golden
from tfhash.metrics import clusters, speedup
from tfhash.quantization import buckets
from tfhash.retrieval.codes import BucketCodes, FloatCodes, TableCodes

CASE = golden.case("hash_table/metrics")
COUNTS = tuple(int(count) for count in CASE["in_k_set"])
LABELS = {part: CASE[f"in_{part}_label"] for part in ("train", "test")}
EMBED = {part: CASE[f"in_{part}_embed"] for part in ("train", "test")}
HASH = {part: CASE[f"in_{part}_hash"] for part in ("train", "test")}
CENTRES = {part: CASE[f"in_centers_{part}"] for part in ("train", "test")}
TEST, TRAIN = "test", "train"
K = pytest.mark.parametrize("k", [1, 2, 3, 4])


def values_of(kind, part, against):
    """Values of the buckets of a part that is in, or looks into, a table of `against`."""
    if kind == "vq":
        return buckets.closeness(EMBED[part], CENTRES[against])
    return {"th": EMBED, "hash": HASH}[kind][part]


def table_of(kind, part, k):
    return TableCodes.from_values(values_of(kind, part, part), EMBED[part], k)


def relevant(found, against):
    return {c: LABELS[against][found[c].index] == LABELS[TEST][:, None] for c in COUNTS}


@pytest.mark.parametrize("part", [TEST, TRAIN])
@pytest.mark.parametrize("kind, name", [("hash", "hash_{}"), ("vq", "vq_{}")])
@K
def test_the_keys_equal_the_original(kind, name, part, k):
    found = BucketCodes.from_values(values_of(kind, part, part), k).unpack()
    name = "vq_te_te" if (kind, part) == ("vq", TEST) else name.format(part)
    np.testing.assert_array_equal(found, CASE[f"out_key_{name}_k{k}"])


@K
def test_the_keys_of_queries_by_the_other_centres_equal_the_original(k):
    found = BucketCodes.from_values(values_of("vq", TEST, TRAIN), k).unpack()
    np.testing.assert_array_equal(found, CASE[f"out_key_vq_te_tr_k{k}"])


@pytest.mark.parametrize(
    "name, part, against",
    [("te_te", TEST, TEST), ("te_tr", TEST, TRAIN), ("train", TRAIN, TRAIN)],
)
def test_the_closeness_to_centres_equals_the_original(name, part, against):
    found = buckets.closeness(EMBED[part], CENTRES[against])
    np.testing.assert_allclose(found, CASE[f"out_k_hash_{name}"], rtol=1e-5)


@pytest.mark.parametrize("kind", ["hash", "th", "vq"])
@pytest.mark.parametrize("short, against", [("te_te", TEST), ("te_tr", TRAIN)])
@K
def test_the_evaluation_equals_the_original(kind, short, against, k):
    table = table_of(kind, against, k)
    found = table.search(values_of(kind, TEST, against), EMBED[TEST], COUNTS, own=against == TEST)
    right = relevant(found, against)
    items = len(table) - (against == TEST)

    def expected(entry):
        return CASE[f"out_evaluate_{kind}_k{k}/{short}_{entry}"]

    suf = [speedup.factor(found[c].touched, items) for c in COUNTS]
    np.testing.assert_allclose(suf, expected("suf"), rtol=1e-9)
    precision = [right[c].mean() for c in COUNTS]
    np.testing.assert_allclose(precision, expected("precision_at_k"), rtol=1e-12)
    recall = [right[c].any(axis=1).mean() for c in COUNTS]
    np.testing.assert_allclose(recall, expected("recall_at_k"), rtol=1e-12)
    counts = table.buckets.unpack().T.astype(int) @ np.eye(20, dtype=int)[LABELS[against]]
    nmi = CASE[f"out_evaluate_{kind}_k{k}/{against}_nmi"]
    np.testing.assert_allclose(clusters.normalized_mutual_information(counts), nmi, rtol=1e-9)


@pytest.mark.parametrize("name, against", [("issame", TEST), ("other", TRAIN)])
@K
def test_what_every_query_touches_equals_the_original(name, against, k):
    found = table_of("hash", against, k).search(
        HASH[TEST], EMBED[TEST], COUNTS, own=name == "issame"
    )
    items = len(LABELS[against]) - (name == "issame")
    touched = [found[c].touched / items for c in COUNTS]
    np.testing.assert_allclose(touched, CASE[f"out_srr_{name}_k{k}"], rtol=1e-12)


@pytest.mark.parametrize("part", [TEST, TRAIN])
@K
def test_the_lists_hold_what_the_original_retrieves(part, k):
    table = table_of("hash", part, k)
    keys = table.buckets.unpack()[:10]
    sizes = [len(set().union(*(table.lists()[b] for b in np.flatnonzero(key)))) for key in keys]
    np.testing.assert_array_equal(sizes, CASE[f"out_retrieved_{part}_k{k}"])


@pytest.mark.parametrize("part", [TEST, TRAIN])
@K
def test_the_quick_nmi_and_speed_up_equal_the_original(part, k):
    keys = BucketCodes.from_values(HASH[part], k).unpack().astype(int)
    counts = keys.T @ np.eye(20, dtype=int)[LABELS[part]]
    np.testing.assert_array_equal(counts, CASE[f"out_distribution_{part}_k{k}"])
    found = clusters.normalized_mutual_information(counts), speedup.expected(keys.sum(axis=0), k)
    np.testing.assert_allclose(found, CASE[f"out_nmi_suf_quick_{part}_k{k}"], rtol=1e-9)


@pytest.mark.parametrize("part", [TEST, TRAIN])
@K
def test_the_speed_up_of_a_table_on_itself_equals_the_original(part, k):
    """The original's second table does not open further buckets: asked for one, neither do we."""
    table = table_of("hash", part, k)
    keys = table.buckets.unpack().astype(np.float32)
    touched = ((keys @ keys.T) > 0).sum(axis=1) - 1
    nmi, suf = CASE[f"out_table2_nmi_suf_{part}_k{k}"]
    np.testing.assert_allclose(speedup.factor(touched, len(table) - 1), suf, rtol=1e-9)


def test_all_buckets_find_what_brute_force_finds():
    """With k = d a query touches everything."""
    table = TableCodes.from_values(HASH[TRAIN], EMBED[TRAIN], 64)
    found = table.search(HASH[TEST], EMBED[TEST], [16])[16]
    expected = np.argsort(CASE["out_te_tr_distance"], axis=1, kind="stable")[:, :16]
    np.testing.assert_array_equal(found.index, expected)
    assert (found.touched == 400).all()


@pytest.mark.parametrize("short, part", [("te_te", TEST), ("te_tr", TRAIN)])
def test_the_distances_equal_the_original(short, part):
    """Its test-to-train distances are squared."""
    table = TableCodes.from_values(HASH[part], EMBED[part], 64)
    found = table.distances(np.concatenate([HASH[TEST], EMBED[TEST]], axis=1))
    expected = CASE[f"out_{short}_distance"]
    found, expected = (found**2, expected) if short == "te_tr" else (found, expected)
    if short == "te_te":  # the root of a rounding error on the diagonal
        assert (np.diag(found) < 0.02).all()
        found[np.eye(len(found), dtype=bool)] = 0
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


def test_items_that_share_no_bucket_are_infinitely_far():
    table = TableCodes.from_values(np.eye(3), np.arange(3.0)[:, None], 1)
    found = table.distances([[1, 0, 0, 0.5]])
    np.testing.assert_array_equal(found, [[0.5, np.inf, np.inf]])


def test_queries_may_be_float_codes():
    """As a test saves them."""
    table = TableCodes.from_values(np.eye(3), np.arange(3.0)[:, None], 1)
    queries = np.float32([[1, 0, 0, 0.5], [0, 0, 1, 1.5]])
    np.testing.assert_array_equal(table.distances(FloatCodes(queries)), table.distances(queries))


def test_further_buckets_are_opened_in_the_order_of_the_values():
    """Query prefers buckets 2, 0, 1; item 2 is in bucket 2, item 0 in 0."""
    table = TableCodes.from_values(np.eye(3), np.array([[9.0], [0.0], [5.0]]), 1)
    found = table.search([[0.5, 0.1, 0.9]], [[0.0]], [1, 2, 3])
    assert found[1].index.tolist() == [[2]]
    assert found[2].index.tolist() == [[2, 0]]
    assert found[3].index.tolist() == [[1, 2, 0]]
    assert [found[c].touched[0] for c in (1, 2, 3)] == [1, 2, 3]


def test_items_at_one_distance_keep_their_order():
    table = TableCodes.from_values(np.ones((4, 1)), np.array([[1.0], [0.0], [1.0], [-1.0]]), 1)
    assert table.search([[1.0]], [[0.0]], [4])[4].index.tolist() == [[1, 0, 2, 3]]


def test_a_saved_table_finds_the_same(tmp_path):
    table = table_of("hash", TRAIN, 2)
    table.save(tmp_path / "t.npz")
    loaded = TableCodes.load(tmp_path / "t.npz")
    given = HASH[TEST], EMBED[TEST], COUNTS
    for count in COUNTS:
        one, other = table.search(*given)[count], loaded.search(*given)[count]
        np.testing.assert_array_equal(one.index, other.index)


@pytest.mark.parametrize("counts, own", [([0], False), ([201], False), ([200], True), ([], False)])
def test_counts_that_cannot_be_found_are_refused(counts, own):
    with pytest.raises(ValueError, match=f"from 1 to the {200 - own} items"):
        table_of("hash", TEST, 1).search(HASH[TEST], EMBED[TEST], counts, own=own)


def test_queries_that_are_not_the_own_items_are_refused():
    with pytest.raises(ValueError, match="own 400 items as queries. Received: 200"):
        table_of("hash", TRAIN, 1).search(HASH[TEST], EMBED[TEST], [1], own=True)


def test_vectors_of_another_number_are_refused():
    with pytest.raises(ValueError, match="as many vectors as items"):
        TableCodes.from_values(np.eye(3), np.zeros((2, 1)), 1)


def test_more_centres_than_vectors_are_refused():
    with pytest.raises(ValueError, match="3 vectors, 4 centres"):
        buckets.centres(np.zeros((3, 2)), 4)


def test_centres_of_points_around_planted_ones_are_found_again():
    planted = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    noise = np.random.default_rng(0).normal(scale=0.01, size=(90, 2))
    found = buckets.centres(np.repeat(planted, 30, axis=0) + noise, 3)
    assert np.abs(found[:, None] - planted).sum(axis=-1).min(axis=0).max() < 0.05
