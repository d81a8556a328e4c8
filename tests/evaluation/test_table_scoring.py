import numpy as np
import pytest

from tests import golden
from tfhash.evaluation import table_scoring
from tfhash.quantization import buckets
from tfhash.retrieval.codes import BucketCodes

CASE = golden.case("hash_table/metrics")
EMBED = {part: CASE[f"in_{part}_embed"] for part in ("train", "test")}
LABELS = {part: np.eye(20, dtype=np.uint8)[CASE[f"in_{part}_label"]] for part in ("train", "test")}


def values_of(kind, part, against):
    """Values of the buckets of a part, in a table of `against`."""
    if kind == "vq":
        return buckets.closeness(EMBED[part], CASE[f"in_centers_{against}"])
    return EMBED[part] if kind == "th" else CASE[f"in_{part}_hash"]


def part_of(kind, part, against):
    return table_scoring.Part(EMBED[part], LABELS[part], values_of(kind, part, against))


def parts_of(kind):
    """The arguments of `of_table` after k."""
    given = (("test", "test"), ("test", "train"), ("train", "train"))
    return [part_of(kind, *names) for names in given]


def assert_equals_the_original(found, name):
    prefix = f"out_evaluate_{name}/"
    expected = {key.removeprefix(prefix) for key in CASE.keys() if key.startswith(prefix)}
    assert found.keys() == expected
    for entry, value in found.items():
        np.testing.assert_allclose(value, CASE[prefix + entry], rtol=1e-9, err_msg=entry)


@pytest.mark.parametrize("kind", ["hash", "th", "vq"])
@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_the_entries_of_a_table_equal_the_original(kind, k):
    assert_equals_the_original(table_scoring.of_table(k, *parts_of(kind)), f"{kind}_k{k}")


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_those_without_a_database_equal_the_original(k):
    found = table_scoring.of_table(k, part_of("hash", "test", "test"))
    assert_equals_the_original(found, f"hash_te_k{k}")


def test_the_entries_of_an_embedding_equal_the_original():
    test, train = (table_scoring.Part(EMBED[part], LABELS[part]) for part in ("test", "train"))
    assert_equals_the_original(table_scoring.of_embedding(test, train), "metric_te_tr")
    assert_equals_the_original(table_scoring.of_embedding(test), "metric_te")


def test_the_first_precision_is_the_originals_recall_at_one():
    found = table_scoring.of_embedding(table_scoring.Part(EMBED["test"], LABELS["test"]))
    assert found["te_te_precision_at_k"][0] == pytest.approx(CASE["out_recall_at_1_efficient"])


def test_equal_values_open_no_more_than_k_buckets():
    """The original's NumPy branch; its TensorFlow branch opens fewer."""
    keys = BucketCodes.from_values(CASE["in_tied"], 2).unpack()
    assert (keys.sum(axis=1) == 2).all()


@pytest.mark.parametrize("name", ["issame", "other"])
def test_recall_and_precision_equal_the_original(name):
    test, train = (table_scoring.Part(EMBED[part], LABELS[part]) for part in ("test", "train"))
    short, found = (
        ("te_te", table_scoring.of_embedding(test))
        if name == "issame"
        else ("te_tr", table_scoring.of_embedding(test, train))
    )
    rows = [found[f"{short}_{rate}_at_k"] for rate in ("recall", "precision")]
    np.testing.assert_allclose(rows, CASE[f"out_recall_precision_{name}"], rtol=1e-12)


# ---- small parts


def small(values=None, vectors=((0.0,), (1.0,), (3.0,), (9.0,)), numbers=(0, 0, 1, 1)):
    values = None if values is None else np.array(values, np.float32)
    return table_scoring.Part(np.array(vectors, np.float32), np.eye(2)[list(numbers)], values)


def test_few_items_have_the_counts_that_they_can_fill():
    found = table_scoring.of_embedding(small())
    assert found == {"te_te_precision_at_k": [0.75], "te_te_recall_at_k": [0.75]}


def test_items_at_one_place_do_not_find_themselves():
    """Six at one point: the search lists five for each, in which the own one may be missing."""
    part = small(vectors=np.zeros((6, 1)), numbers=(0,) * 6)
    assert table_scoring.of_embedding(part)["te_te_precision_at_k"] == [1.0, 1.0]


def test_a_validation_by_hand():
    """Buckets {0, 1}, {2}, {3}; the last two items find nobody, and no other bucket counts."""
    found = table_scoring.validation(1, small(np.eye(4)[[0, 0, 2, 3]]))
    assert found["precision@1"] == 0.5
    assert found["suf"] == 16 / 6
    # Buckets hold 3 bits of 2, labels 1: all of the labels' is known.
    assert found["nmi"] == pytest.approx(2 * 1 / (1.5 + 1))


def test_baselines_have_the_names_of_the_original():
    rng = np.random.default_rng(0)
    test, train = (
        table_scoring.Part(rng.normal(size=(n, 3)).astype(np.float32), np.eye(2)[np.arange(n) % 2])
        for n in (20, 30)
    )
    found = table_scoring.baselines(test, train)
    assert sorted(found) == [1, 2, 3]  # there are but three dimensions
    for kind, line in zip(("th", "vq"), found[2], strict=True):
        assert list(line) == [f"{entry}_{kind}" for entry in table_scoring.TABLE_ENTRIES]


def test_there_are_no_centres_of_fewer_items():
    found = table_scoring.baselines(small(vectors=np.eye(4)[:, [0, 1, 2, 3, 0]]))
    assert [list(lines[0])[0] for lines in found.values()] == ["test_nmi_th"] * 4
    assert all(len(lines) == 1 for lines in found.values())


def test_lists_become_single_values():
    entries = {"test_nmi": 0.5, "te_te_suf": [2.0, 1.0], "te_te_recall_at_k": [0.1, 0.2]}
    assert table_scoring.flat(entries) == {
        "test_nmi": 0.5,
        "te_te_suf@1": 2.0,
        "te_te_suf@4": 1.0,
        "te_te_recall@1": 0.1,
        "te_te_recall@4": 0.2,
    }


def test_a_csv_file_is_laid_out_as_the_original_does(tmp_path):
    lines = [{"nmi": 0.25, "suf": [2.0, 1.5]}, {"suf_vq": [10.0]}]
    path = table_scoring.write_csv(tmp_path / "a.csv", lines)
    assert path.read_text().splitlines() == [
        "    nmi,    suf",
        "   0.25,2.0/1.5",
        " suf_vq",
        "   10.0",
    ]
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]
