"""A new kind of codes is one class: everything that takes codes takes it."""

import types

import numpy as np
import pytest

from tests import examples
from tfhash.evaluation import results
from tfhash.evaluation.scoring import Encoded, Scoring
from tfhash.retrieval import codes, ranking


class CityBlockCodes(codes.Codes):
    """Points, by the sum of the differences of their coordinates."""

    kind = "city_block"

    def __init__(self, points):
        self.points = np.asarray(points, np.float32)
        self.bits = 32 * self.points.shape[1]

    def __len__(self):
        return len(self.points)

    def __getitem__(self, rows):
        return type(self)(self.points[rows])

    def distances(self, queries):
        return np.abs(queries[:, None] - self.points).sum(axis=2)

    def arrays(self):
        return {"points": self.points}

    def statistics(self, outputs):
        return {"largest": float(self.points.max())}


LINE = CityBlockCodes([[0], [1], [3], [4]])
QUERY = np.float32([[0.75]])


def test_it_is_searched():
    nearest = ranking.search(LINE, QUERY, 3)
    assert nearest.positions.tolist() == [[1, 0, 2]]
    assert nearest.distances.tolist() == [[0.25, 0.75, 2.25]]


@pytest.mark.parametrize("ties", ["stable", "expected", "best", "worst"])
def test_it_is_scored(ties):
    """Of the items in the order 1, 0, 2, 3 the first and the last are relevant."""
    query = Encoded(None, np.array([[1, 0]]))
    database = Encoded(None, np.array([[0, 1], [1, 0], [0, 1], [1, 0]]))
    score = Scoring(ties=ties).mean_average_precision(LINE, QUERY, query, database)
    assert score == pytest.approx((1 / 1 + 2 / 4) / 2)


def test_it_is_reported_and_saved(tmp_path):
    splits = examples.splits(count=60)
    rng = np.random.default_rng(0)
    query, database = (
        Encoded(rng.random((len(part), 3), dtype=np.float32), part.labels)
        for part in (splits.query, splits.database)
    )
    model = types.SimpleNamespace(method="none")  # without a report of its own
    database_codes = CityBlockCodes(database.outputs)
    result = results.Result(
        model, splits, query, database, database_codes, query.outputs, Scoring(), {"mAP": 1.0}
    )
    assert results.table(result)["largest"] == pytest.approx(database.outputs.max())
    names = {path.name for path in results.write(result, tmp_path, codes=True)}
    assert {"curves.csv", "codes.npz", "query_codes.npz"} <= names
    assert not names & {"radius.csv", "codes.faiss"}
    loaded, queries = (codes.load(tmp_path / name) for name in ("codes.npz", "query_codes.npz"))
    expected = database_codes.distances(query.outputs)
    np.testing.assert_array_equal(loaded.distances(queries.vectors), expected)


def test_it_says_that_it_has_no_index():
    assert not LINE.has_index
    with pytest.raises(ValueError, match="distances of CityBlockCodes. Use ranking.search"):
        LINE.build_faiss()


def test_distances_that_can_not_be_ranked_are_refused():
    class WideCodes(CityBlockCodes):
        def distances(self, queries):
            return super().distances(queries).astype(np.float64)

    with pytest.raises(ValueError, match="float32 or unsigned integers. Received: float64"):
        ranking.search(WideCodes(LINE.points), QUERY, 1)
