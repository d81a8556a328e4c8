import csv

import numpy as np
import pytest

from tfhash.evaluation import curves, results
from tfhash.evaluation.scoring import Encoded, Scoring
from tfhash.retrieval import codes


def result(database, queries):
    """Four items, of which the first two have the query's label."""
    labels = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.uint8)
    parts = Encoded(None, labels[:1]), Encoded(None, labels)
    return results.Result(None, None, *parts, database, queries, Scoring(), {})


def read(path):
    """`{column: numbers}` of a CSV file."""
    rows = list(csv.reader(path.read_text().splitlines()))
    return dict(zip(rows[0], np.array(rows[1:], float).T))


@pytest.fixture
def binary():
    database = codes.BinaryCodes.from_bits([[0, 0], [0, 1], [0, 1], [0, 0]])
    return result(database, codes.BinaryCodes.from_bits([[0, 0]]))


def test_the_curves_of_binary_codes_by_hand(binary, tmp_path):
    """In order: relevant, wrong | relevant, wrong."""
    paths = curves.write(curves.tables(binary), tmp_path)
    names = ["curves.csv", "precision_recall.csv", "radius.csv", "bits.csv"]
    assert [path.name for path in paths] == names
    at_n = read(tmp_path / "curves.csv")
    np.testing.assert_allclose(at_n["precision"], [1, 1 / 2, 2 / 3, 1 / 2])
    np.testing.assert_allclose(at_n["recall"], [1 / 2, 1 / 2, 1, 1])
    radius = read(tmp_path / "radius.csv")
    np.testing.assert_allclose(radius["precision"], [1 / 2, 1 / 2, 1 / 2])
    np.testing.assert_allclose(radius["mAP"], [1, 5 / 6, 5 / 6])
    np.testing.assert_allclose(read(tmp_path / "bits.csv")["ones"], [0, 1 / 2])


def test_float_codes_have_no_radius(tmp_path):
    vectors = np.float32([[3], [1], [2], [0]])
    found = curves.tables(result(codes.FloatCodes(vectors), np.float32([[1]])))
    names = [path.name for path in curves.write(found, tmp_path)]
    assert names == ["curves.csv", "precision_recall.csv"]
    levels = read(tmp_path / "precision_recall.csv")
    np.testing.assert_allclose(levels["precision"][[0, 20]], [1, 2 / 3])


@pytest.mark.parametrize("has_radius, lines", [(True, [1, 2, 3]), (False, [1, 2])])
def test_the_picture_shows_every_line(binary, has_radius, lines):
    found = curves.tables(binary)
    if not has_radius:
        del found[curves.RADIUS]
    assert [len(axes.lines) for axes in curves.picture(found).axes] == lines
