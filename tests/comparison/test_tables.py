"""The table of a comparison and its figure, by hand."""

import csv

import pytest

from tfhash.comparison import tables

RECORDS = [
    ("itq", 16, {"mAP": 0.5, "bytes": 2, tables.COST: 3.0}),
    ("float", None, {"mAP": 0.75, "recall@5": 1.0, "bytes": 256, tables.COST: 1.4}),
    ("itq", 32, {"mAP": 0.625, "bytes": 4, tables.COST: 3.0}),
    ("itq", 16, {"mAP": 0.25, "bytes": 2, tables.COST: 5.0}),
]


def test_the_table_has_means_and_where_trainings_differ_the_least_and_most():
    assert tables.markdown(tables.grouped(RECORDS)).splitlines() == [
        "| method | bits | mAP | bytes | training_cpu_s | recall@5 |",
        "| --- | --- | --- | --- | --- | --- |",
        "| itq | 16 | 0.375 (0.250 to 0.500) | 2 | 4 (3 to 5) |  |",
        "| float |  | 0.750 | 256 | 1 | 1.000 |",
        "| itq | 32 | 0.625 | 4 | 3 |  |",
    ]


def test_the_files_hold_the_same(tmp_path):
    paths = tables.write(RECORDS, tmp_path, "A title.")
    assert [path.name for path in paths] == ["table.md", "table.csv", "map_over_bytes.png"]
    assert all(path.stat().st_size for path in paths)
    assert paths[0].read_text().startswith("A title.\n\n| method |")
    with open(paths[1]) as file:
        rows = list(csv.DictReader(file))
    assert [row["trainings"] for row in rows] == ["2", "1", "1"]
    values = [float(rows[0][name]) for name in ("mAP", "mAP_least", "mAP_most")]
    assert values == [0.375, 0.25, 0.5] and rows[0]["recall@5"] == ""


def test_the_figure_has_a_line_for_each_method_with_its_spread():
    (axes,) = tables.figure(tables.grouped(RECORDS)).axes
    itq, floats = axes.containers
    assert [itq.get_label(), floats.get_label()] == ["itq", "float"]
    line, _, (bars,) = itq
    assert line.get_xydata().tolist() == [[2, 0.375], [4, 0.625]]
    assert bars.get_segments()[0].tolist() == [[2, 0.25], [2, 0.5]]


@pytest.mark.parametrize("more, count", [({}, 1), ({"mAP_seen": 0.5, "mAP_unseen": 0.1}, 3)])
def test_seen_and_unseen_classes_have_parts_of_their_own(more, count):
    records = [(method, bits, measures | more) for method, bits, measures in RECORDS]
    assert len(tables.figure(tables.grouped(records)).axes) == count
