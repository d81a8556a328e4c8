"""What a test of a model shows of its results."""

import numpy as np
import pytest

from tests import examples
from tfhash.evaluation import pictures, results
from tfhash.evaluation.scoring import Scoring
from tfhash.retrieval import codes


def test_the_frames_of_the_picture_follow_the_relevance_that_is_given(monkeypatch):
    """Every second image is relevant to all queries, whatever the labels say."""
    splits = examples.splits()
    matrix = np.zeros((len(splits.query), len(splits.database)), np.uint8)
    matrix[:, ::2] = 1
    result = results.evaluate(examples.model("gpq"), splits, scoring=Scoring(relevant=matrix))
    frames = {}

    def ranked_lists(queries, listed, relevant, **options):
        frames["listed"], frames["relevant"] = listed, relevant

    monkeypatch.setattr(pictures, "ranked_lists", ranked_lists)
    results.ranked_lists(result)
    pool = splits.database.read(np.arange(len(splits.database)))
    positions = [
        [int(np.flatnonzero((pool == image).all(axis=(1, 2, 3)))[0]) for image in row]
        for row in frames["listed"]
    ]
    np.testing.assert_array_equal(frames["relevant"], np.array(positions) % 2 == 0)
    assert frames["relevant"].any() and not frames["relevant"].all()


@pytest.mark.parametrize("method", ["gpq", "dch", "hash_table"])
def test_saved_codes_have_the_names_of_their_images(method, tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "embedding", lambda *given: pictures.figure(1, 1))
    splits = examples.splits()
    result = results.evaluate(examples.model(method), splits)
    results.write(result, tmp_path, codes=True)
    for file, part in (("codes", splits.database), ("query_codes", splits.query)):
        names = codes.load(tmp_path / f"{file}.npz").names
        assert names.tolist() == [f"#{number}" for number in part.index]
