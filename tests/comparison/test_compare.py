"""run_compare.py: what it trains, what it does not train again, and what it finds."""

import csv
import json
import pathlib

import numpy as np
import pytest

import run_compare
from tests import examples
from tests.commands import interrupt_in_step, refused
from tfhash.comparison import measure
from tfhash.evaluation import results
from tfhash.evaluation.scoring import Scoring
from tfhash.training import sessions

SMALL = "--set=csq.img_model=linear,csq.epochs=1,csq.batch_size=20,csq.save_every=1"
LINE = ("--dataset=embeddings:v", "--methods=itq,float,csq", "--bits=8", "--k=5", SMALL)


def write_vectors(count=200, width=16):
    """`v`, vectors of four classes that lie apart, but not quite."""
    rng = np.random.default_rng(0)
    numbers = np.arange(count) % 4
    values = 2 * np.eye(width)[numbers] + rng.standard_normal((count, width))
    pathlib.Path("v").mkdir()
    np.save("v/vectors.npy", values.astype(np.float16))
    np.save("v/labels.npy", numbers)


def rows(folder):
    """`{(method, bits): row}` of a table, without what was timed."""
    with open(f"{folder}/table.csv") as file:
        found = {(row["method"], row["bits"]): row for row in csv.DictReader(file)}
    timed = ("training_cpu_s", "_ms")
    return {
        key: {name: value for name, value in row.items() if not any(t in name for t in timed)}
        for key, row in found.items()
    }


def test_a_comparison_is_a_table_and_goes_on_where_it_was_stopped(run, monkeypatch):
    write_vectors()
    line = (*LINE, "--unseen_classes=1")
    status, shown, errors = run(run_compare, *line, "--out=whole")
    assert status == 0, errors
    table = pathlib.Path("whole/table.md").read_text()
    assert shown.endswith(table) and table.startswith(
        "embeddings:v: 20 queries in 180 items of 3 classes seen in training and 1 unseen; 3 of 3 "
    )
    found = rows("whole")
    sizes = {key: row["bytes"] for key, row in found.items()}
    assert sizes == {("itq", "8"): "1.0", ("float", ""): "64.0", ("csq", "8"): "1.0"}
    assert float(found["float", ""]["recall@5"]) == 1
    assert all(0 < float(row["mAP_unseen"]) <= 1 for row in found.values())

    with monkeypatch.context() as patch:
        interrupt_in_step(patch, 4)
        status, shown, _ = run(run_compare, *line, "--out=broken")
    assert status == 130 and "Stopped in csq_8bits_seed0. The same command goes on." in shown
    records = json.loads(pathlib.Path("broken/runs.json").read_text())
    assert records["itq_8bits_seed0"]["trained"] and not records["csq_8bits_seed0"]["trained"]
    assert run(run_compare, *line, "--out=broken")[0] == 0
    assert rows("broken") == found

    monkeypatch.setattr(sessions, "train", None)  # what is there is not trained again
    assert run(run_compare, *line, "--out=broken")[0] == 0
    assert run(run_compare, *line, "--k=3", "--out=broken")[0] == 0
    assert "precision@3" in pathlib.Path("broken/table.md").read_text()
    refused(run(run_compare, *line, "--l2_normalize", "--out=broken"), "Give another --out")


def test_what_does_not_fit_the_data_is_refused_before_anything_is_trained(run):
    write_vectors()
    refused(run(run_compare, *LINE, "--bits=8,32", "--out=c"), "itq at 32 bits", "--bits=16")
    refused(run(run_compare, *LINE, "--img_model=tiny", "--out=c"), "itq at 8 bits", "images")
    refused(run(run_compare, *LINE, "--unseen_classes=3", "--out=c"), "`unseen_classes`")
    assert not pathlib.Path("c").exists()


def test_records_that_are_damaged_are_named(run):
    write_vectors()
    pathlib.Path("c").mkdir()
    pathlib.Path("c/runs.json").write_text("{")
    refused(run(run_compare, *LINE, "--out=c"), "c/runs.json", "another --out")


@pytest.mark.parametrize("name", ["itq", "pq", "gpq"])
def test_map_is_that_of_a_test_with_the_same_conventions(name):
    splits = examples.vectors()
    trainer = examples.on_vectors(name)
    trainer.fit(splits.train, epochs=1, steps_per_epoch=2)
    found = measure.measure(trainer.model, splits, k=7, R=0, ties="expected")
    result = results.evaluate(trainer.model, splits, scoring=Scoring(ties="expected"))
    assert found["mAP"] == pytest.approx(result.metrics["mAP"])
    ranked = result.codes.distances(result.queries)
    positions = np.argsort(ranked, axis=1, kind="stable")[:, :7]
    vectors = [part.read(np.arange(len(part))) for part in (splits.query, splits.database)]
    nearest = ((vectors[0][:, None] - vectors[1]) ** 2).sum(axis=2).argsort(axis=1)[:, :7]
    shared = [len(set(one) & set(other)) / 7 for one, other in zip(positions, nearest)]
    assert found["recall@7"] == pytest.approx(np.mean(shared))
