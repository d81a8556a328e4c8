import numpy as np
import pytest

from tests.retrieval import plain
from tfhash.retrieval import ranking
from tfhash.retrieval.codes import BinaryCodes, FloatCodes, RerankedCodes


def reranked(outputs):
    return RerankedCodes(BinaryCodes.from_signs(outputs), FloatCodes(outputs))


def test_features_order_the_ties_of_signs():
    database = reranked(np.float32([[1, 1], [3, 2], [-1, 1], [-9, 9]]))
    positions, _ = ranking.search(database, reranked(np.float32([[1, 1]])), 4)
    np.testing.assert_array_equal(positions, [[1, 0, 2, 3]])  # products 5, 2 | 0, 0 in their order


def test_features_of_another_number_are_refused():
    with pytest.raises(ValueError, match="3, 4"):
        RerankedCodes(BinaryCodes.from_signs(plain.vectors(4)), FloatCodes(plain.vectors(3)))
