"""What a test of hash tables measures, and the files that it writes."""

import dataclasses

import numpy as np
import pytest

from tests import examples
from tests.methods.small_tables import HASH, method_of, model_of
from tfhash import originals
from tfhash.evaluation import table_scoring
from tfhash.evaluation.results import Result
from tfhash.evaluation.scoring import Encoded, Scoring
from tfhash.methods import hash_table
from tfhash.retrieval.codes import FloatCodes
from tfhash.retrieval.table import TableCodes


@pytest.mark.parametrize(
    "changes, dataset, short, name",
    [
        (
            {},
            "cifar100",
            "cifar_conv1_triplet_64",
            "cifar_128_16_conv1_triplet_0.3_64_stair_a3",
        ),
        (
            {"stage": "hash", "batch_classes": 64, "hash_length_weight": 1},
            "cifar100",
            "cifar_conv1_npair_64",
            "cifar_conv1_npair_64_128_64_npair_h1_64_1_1.0_0.3_stair_a3",
        ),
        (
            {"loss": "npair", "img_model": "tiny"},
            "folder:/my photos/a",
            "folder_my_photos_a_tiny_npair_64",
            "folder_my_photos_a_128_64_tiny_npair_0.003_64_stair_a3",
        ),
    ],
)
def test_the_results_are_named_as_the_original_does(changes, dataset, short, name):
    found = originals.program("hash_table").file_names(hash_table.Config(**changes), dataset)
    assert found == [short, name]


def random_outputs(width, count=40):
    """`Encoded` items around a centre for each class."""
    numbers = np.arange(count) % 10
    outputs = np.random.default_rng(0).normal(size=(count, width)) + 3 * np.eye(10, width)[numbers]
    return Encoded(outputs.astype(np.float32), np.eye(10, dtype=np.uint8)[numbers])


@pytest.mark.parametrize("stage, width", [("metric", 16), ("hash", 32)])
@pytest.mark.parametrize("test_train", [True, False])
def test_an_evaluation_is_against_the_queries_and_if_asked_the_database(stage, width, test_train):
    head, part = method_of(stage=stage, test_train=test_train).head, random_outputs(width)
    codes = head.codes(part.outputs)
    metrics = head.evaluate(part, part, codes, Scoring())
    assert "te_te_precision@16" in metrics and ("te_tr_recall@4" in metrics) is test_train
    assert ("te_te_suf@1" in metrics) is (stage == "hash")
    assert isinstance(codes, TableCodes if stage == "hash" else FloatCodes)
    assert 0 <= metrics["mAP"] <= 1


METRIC = "20_10_tiny_triplet_0.3_16_stair_a3"
TABLE = "tiny_npair_16_20_10_npair_h1_16_1_0.003_0.3_stair_a3"
ENTRIES = ("test_nmi", "te_te_suf", "te_te_precision_at_k", "te_te_recall_at_k")


@pytest.mark.parametrize(
    "dataset, changes, names, entries",
    [
        (
            "cifar100",
            {},
            [f"cifar_{METRIC}", *(f"cifar_tiny_triplet_16_{k}" for k in (1, 2, 3, 4))],
            table_scoring.METRIC_ENTRIES,
        ),
        (
            "imagenet32",
            {"test_train": False},
            [f"imgnet32_{METRIC}", *(f"imgnet32_tiny_triplet_16_{k}" for k in (1, 2, 3))],
            table_scoring.METRIC_ENTRIES[2:],
        ),
        (
            "cifar100",
            HASH,
            [f"cifar_{TABLE}_train", f"cifar_{TABLE}_test"],
            [entry.replace("test", "train").replace("te_te", "te_tr") for entry in ENTRIES],
        ),
        ("imagenet32", HASH | {"test_train": False}, [f"imgnet32_{TABLE}"], ENTRIES),
    ],
)
def test_a_report_is_the_originals_files(tmp_path, dataset, changes, names, entries):
    model, part = model_of(**changes), random_outputs(32 if changes.get("stage") else 16)
    codes = model.recipe.head.codes(part.outputs)
    splits = dataclasses.replace(examples.splits(), dataset=dataset)
    result = Result(model, splits, part, part, codes, part.outputs, Scoring(), {})
    paths = originals.report("hash_table", result, tmp_path)
    assert [path.name for path in paths] == [f"{name}.csv" for name in names]
    first = paths[0].read_text().splitlines()[0]
    assert [name.strip() for name in first.split(",")] == list(entries)


def test_of_a_single_image_only_map_is_taken():
    one, head = random_outputs(32, count=1), method_of(**HASH).head
    assert head.validate(one, one, head.codes(one.outputs), Scoring()) == {"mAP": 1.0}
