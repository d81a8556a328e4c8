"""Product codes: the original's distances and ranks, ties, saving."""

import numpy as np
import pytest

from tests import golden
from tfhash.metrics import average_precision
from tfhash.retrieval import codes, ranking

SEGMENTS, WORDS, LENGTH = 12, 16, 12


def books(z):
    """The original's `[words, segments * length]` -> `[segments, words, length]`."""
    return z.reshape(WORDS, SEGMENTS, LENGTH).transpose(1, 0, 2)


@pytest.fixture(scope="module")
def case():
    return golden.case("gpq/retrieval")


@pytest.fixture(scope="module")
def database(case):
    return codes.QuantizedCodes(case["out_codes"], books(case["in_z"]))


def random_codes(n=300, segments=6, words=16, length=3, seed=0):
    rng = np.random.default_rng(seed)
    return codes.QuantizedCodes(
        rng.integers(0, words, (n, segments)),
        rng.standard_normal((segments, words, length)).astype(np.float32),
    )


def test_distances_equal_the_original(case, database):
    np.testing.assert_allclose(database.distances(case["in_query"]), case["out_dist"], atol=1e-5)


def test_ranks_equal_the_original(case, database):
    index, _ = ranking.search(database, case["in_query"], len(database))
    np.testing.assert_array_equal(index, case["out_rank"].T)


@pytest.mark.parametrize("top, name", [(None, "full"), (50, "50")])
def test_average_precision_equals_the_original(case, database, top, name):
    blocks = ranking.relevant_ranks(
        database, case["in_query"], case["in_label_similarity"], top=top
    )
    found = np.concatenate(
        [average_precision.average_precision(block, top=top) for block in blocks]
    )
    np.testing.assert_allclose(np.nan_to_num(found), case[f"out_ap_{name}"], rtol=0, atol=1e-9)
    assert np.nan_to_num(found).mean() == pytest.approx(float(case[f"out_map_{name}"]), abs=1e-6)


ORIGINAL_TIES = {"stable": "stable", "worst": "ties_worst", "best": "ties_best"}


@pytest.mark.parametrize("ties", ORIGINAL_TIES)
def test_ties_of_a_trained_model_equal_the_original(ties):
    case = golden.case("gpq/checkpoint_retrieval")
    database = codes.QuantizedCodes(case["out_gallery_codes"], books(case["out_z"]))
    similar = case["in_query_labels"][:, None] == case["in_gallery_labels"]
    blocks = ranking.relevant_ranks(database, case["out_query_features"], similar, ties=ties)
    found = np.concatenate([average_precision.average_precision(block) for block in blocks])
    expected = float(case[f"out_map_{ORIGINAL_TIES[ties]}"])
    assert np.nan_to_num(found).mean() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("segments, words", [(1, 16), (5, 16), (3, 2), (4, 256), (2, 300), (2, 1)])
def test_distances_equal_the_plain_sum(segments, words):
    database = random_codes(segments=segments, words=words)
    queries = np.random.default_rng(1).standard_normal((4, 3 * segments)).astype(np.float32)
    vectors = database.decode()
    np.testing.assert_allclose(
        database.distances(queries), segments - queries @ vectors.T, atol=1e-4
    )


def test_equal_codes_have_equal_distances_wherever_they_are():
    rng = np.random.default_rng(2)
    one = random_codes(n=7, segments=12)
    place = rng.integers(0, 7, 70_001)  # more than are looked up at a time
    queries = rng.standard_normal((3, 36)).astype(np.float32)
    distances = codes.QuantizedCodes(one.codes[place], one.codebooks).distances(queries)
    np.testing.assert_array_equal(distances, one.distances(queries)[:, place])


def test_codes_as_queries_stand_for_what_they_decode_to():
    database, queries = random_codes(), random_codes(n=5, words=4, seed=3)
    np.testing.assert_array_equal(database.distances(queries), database.distances(queries.decode()))


def test_bits_counts_those_of_all_codebooks():
    assert [random_codes(words=words).bits for words in (16, 17, 256)] == [24, 30, 48]


def test_codes_come_back_from_a_file(tmp_path):
    database = random_codes()
    database.save(tmp_path / "new" / "codes.npz")
    loaded = codes.QuantizedCodes.load(tmp_path / "new" / "codes.npz")
    queries = np.ones((2, 18), np.float32)
    np.testing.assert_array_equal(loaded.distances(queries), database.distances(queries))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["codes.npz"]


@pytest.mark.parametrize(
    "chosen, message",
    [
        (np.zeros((4, 3), int), r"\[4, 3\] and \[2, 16, 3\]"),
        (np.full((4, 2), 16), "0 to 15.*16 to 16"),
        (np.full((4, 2), -1), "-1 to -1"),
        (np.zeros((4, 2)), "integer `codes`.*float64"),
    ],
)
def test_codes_that_do_not_fit_their_codebooks_are_an_error(chosen, message):
    with pytest.raises(ValueError, match=message):
        codes.QuantizedCodes(chosen, np.zeros((2, 16, 3)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_codebooks_that_are_not_finite_are_an_error(value):
    with pytest.raises(ValueError, match="finite `codebooks`"):
        codes.QuantizedCodes(np.zeros((4, 2), int), np.full((2, 16, 3), value))


def test_queries_of_another_width_are_an_error():
    with pytest.raises(ValueError, match=r"\[q, 18\].*\[2, 17\]"):
        random_codes().distances(np.zeros((2, 17)))


def test_queries_with_nan_are_counted():
    queries = np.zeros((5, 18))
    queries[[1, 3], 2] = np.nan, np.inf
    with pytest.raises(ValueError, match="2 of 5 rows"):
        random_codes().distances(queries)


def test_the_share_of_words_in_use_is_counted_by_codebook():
    chosen = np.array([[0, 1], [2, 1], [0, 1]])
    database = codes.QuantizedCodes(chosen, np.zeros((2, 4, 3), np.float32))
    assert database.used() == [0.5, 0.25]
    assert database.usage() == {"codebook_use/0": 0.5, "codebook_use/1": 0.25}


@pytest.mark.parametrize(
    "stuck, words, said",
    [
        (4, 16, "4 of 6 codebooks have one word in use"),
        (6, 16, "6 of 6 codebooks have one word in use"),
        (3, 16, None),
        (6, 1, None),  # there are no more words than one
    ],
)
def test_codes_of_which_most_codebooks_have_one_word_have_collapsed(stuck, words, said):
    numbers = random_codes(words=words).codes.copy()
    numbers[:, :stuck] = 0
    books = np.zeros((6, words, 3), np.float32)
    assert codes.QuantizedCodes(numbers, books).collapse() == said
