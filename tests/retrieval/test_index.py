import numpy as np
import pytest

from tfhash.retrieval import codes, index, ranking

RNG = np.random.default_rng(0)


def quantized(words, segments=4, n=3000):
    books = RNG.standard_normal((segments, words, 3)).astype(np.float32)
    return codes.QuantizedCodes(RNG.integers(0, words, (n, segments)), books)


def additive(distance, words=16, n=3000):
    books = RNG.standard_normal((4, words, 12)).astype(np.float32)
    return codes.AdditiveCodes(RNG.integers(0, words, (n, 4)), books, distance)


def binary(bits):
    """Codes of a database and of queries."""
    database, queries = RNG.standard_normal((3000, bits)), RNG.standard_normal((7, bits))
    return codes.BinaryCodes.from_signs(database), codes.BinaryCodes.from_signs(queries)


VECTORS = RNG.standard_normal((7, 12)).astype(np.float32)
CASES = {
    "binary 48": binary(48),
    "binary 100": binary(100),
    "product 4 bits": (quantized(16), VECTORS),
    "product 8 bits": (quantized(256), VECTORS),
    "product of 11 words": (quantized(11), VECTORS),
    "additive product": (additive("inner_product"), VECTORS),
    "additive euclidean": (additive("euclidean"), VECTORS),
    "additive of 11 words": (additive("inner_product", 11), VECTORS),
}
for distance in codes.DISTANCES:
    vectors = RNG.standard_normal((3000, 12))
    CASES[f"float {distance}"] = (codes.FloatCodes(vectors, distance), VECTORS)


@pytest.mark.parametrize("name", CASES)
def test_faiss_finds_the_distances_of_the_engine(name):
    database, queries = CASES[name]
    _, expected = ranking.search(database, queries, 20)
    found, distances = index.Index(database).search(queries, 20)
    np.testing.assert_allclose(distances, expected, atol=2e-5)
    own = np.take_along_axis(database.distances(queries), found, axis=1)
    np.testing.assert_allclose(distances, own, atol=2e-5)


@pytest.mark.parametrize("name", ["binary 48", "product 4 bits", "additive euclidean"])
def test_an_index_comes_back_from_its_file(name, tmp_path):
    database, queries = CASES[name]
    index.Index(database).save(tmp_path / "codes.faiss")
    loaded = index.Index.load(tmp_path / "codes.faiss", database)
    for found, expected in zip(loaded.search(queries, 5), index.Index(database).search(queries, 5)):
        np.testing.assert_array_equal(found, expected)


def test_an_approximate_index_finds_what_is_near():
    bits = RNG.integers(0, 2, (5000, 48), dtype=np.uint8)
    near = bits[:50].copy()
    near[:, 40] ^= 1
    database, queries = codes.BinaryCodes.from_bits(bits), codes.BinaryCodes.from_bits(near)
    found, distances = index.Index(database, approximate=True).search(queries, 1)
    np.testing.assert_array_equal(found[:, 0], np.arange(50))
    np.testing.assert_array_equal(distances[:, 0], 1)


def test_more_items_than_there_are_are_cut():
    database, queries = CASES["product 4 bits"]
    assert index.Index(database[:5]).search(queries, 9)[0].shape == (7, 5)


def test_an_index_of_other_codes_is_refused(tmp_path):
    database, _ = CASES["binary 48"]
    index.Index(database).save(tmp_path / "codes.faiss")
    with pytest.raises(ValueError, match="an index of 3000 items. Expected 5"):
        index.Index.load(tmp_path / "codes.faiss", database[:5])


def test_a_truncated_index_is_refused(tmp_path):
    database, _ = CASES["binary 48"]
    path = tmp_path / "codes.faiss"
    index.Index(database).save(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="codes.faiss. is not a complete FAISS index"):
        index.Index.load(path, database)


TABLE = codes.TableCodes.from_values(np.eye(3), np.zeros((3, 2)), 1)
RERANKED = codes.RerankedCodes(codes.BinaryCodes.from_signs(VECTORS), codes.FloatCodes(VECTORS))


without_index = pytest.mark.parametrize(
    "database", [TABLE, RERANKED, additive("cosine")], ids=lambda c: c.kind
)


@without_index
def test_codes_that_have_no_index_say_so(database, tmp_path):
    assert not database.has_index
    refused = f"No FAISS index has the .*{type(database).__name__}. Use ranking.search"
    with pytest.raises(ValueError, match=refused):
        index.Index(database, approximate=True)
    with pytest.raises(ValueError, match=refused):
        index.Index(database).save(tmp_path / "codes.faiss")
    assert not list(tmp_path.iterdir())


def test_codes_that_have_no_index_are_searched_all_the_same():
    database = additive("cosine")
    nearest = index.Index(database).search(VECTORS, 5)
    for found, expected in zip(nearest, ranking.search(database, VECTORS, 5)):
        np.testing.assert_array_equal(found, expected)


def test_an_item_that_shares_no_bucket_is_not_found():
    """The query lies in bucket 1, as the second of three items; the others are in 0 and 2."""
    query = np.float32([[0, 1, 0, 0, 0]])
    nearest = index.Index(TABLE, names=NAMES).search(query, 3)
    assert nearest.positions.tolist() == [[1, -1, -1]]


@pytest.mark.parametrize("name", [name for name in CASES if name != "binary 100"])
def test_an_approximate_index_that_looks_into_all_lists_misses_nothing(name):
    database, queries = CASES[name]
    searched = index.Index(database, approximate=True)
    if hasattr(searched.index, "nlist"):
        searched.index.nprobe = searched.index.nlist
    expected = index.Index(database).search(queries, 20).distances
    np.testing.assert_allclose(searched.search(queries, 20).distances, expected, atol=2e-5)


@pytest.mark.parametrize("name", ["binary 48", "product 8 bits", "additive euclidean"])
def test_an_approximate_index_comes_back_from_its_file(name, tmp_path):
    database, queries = CASES[name]
    searched = index.Index(database, approximate=True)
    searched.save(tmp_path / "codes.faiss")
    loaded = index.Index.load(tmp_path / "codes.faiss", database)
    for found, expected in zip(loaded.search(queries, 5), searched.search(queries, 5)):
        np.testing.assert_array_equal(found, expected)


def test_an_approximate_index_has_lists_of_some_items_each():
    """Of 3000 items 55 lists, 4 of which are looked into."""
    made = index.Index(CASES["float cosine"][0], approximate=True).index
    assert (made.nlist, made.nprobe) == (55, 4)
    assert sum(made.invlists.list_size(number) for number in range(55)) == 3000


def test_an_approximate_index_of_one_item_finds_it():
    database, queries = CASES["additive product"]
    assert index.Index(database[:1], approximate=True).search(queries, 3).positions.max() == 0


CORNERS = codes.FloatCodes(np.float32([[0, 0], [0, 1], [1, 0]]), "euclidean")
NAMES = ("origin", "top", "right")


def test_the_items_found_have_names():
    searched = index.Index(CORNERS, names=NAMES)
    nearest = searched.search(np.float32([[0.1, 0.8], [0.7, 0.1]]), 2)
    expected = [["top", "origin"], ["right", "origin"]]
    assert searched.names_of(nearest.positions).tolist() == expected


def test_an_index_takes_its_names_where_it_is_loaded(tmp_path):
    index.Index(CORNERS, names=NAMES).save(tmp_path / "codes.faiss")
    searched = index.Index.load(tmp_path / "codes.faiss", CORNERS, names=NAMES)
    assert searched.names_of([2, 0]).tolist() == ["right", "origin"]


def test_what_an_approximate_index_does_not_find_has_no_name():
    assert index.Index(CORNERS, names=NAMES).names_of([1, -1]).tolist() == ["top", None]


def test_names_of_another_number_are_refused():
    with pytest.raises(ValueError, match="each of the 3 items. Received: 2 names"):
        index.Index(CORNERS, names=NAMES[:2])


def test_an_index_takes_the_names_that_the_file_of_the_codes_has(tmp_path):
    CORNERS.save(tmp_path / "codes.npz", names=NAMES)
    searched = index.Index(codes.load(tmp_path / "codes.npz"))
    assert searched.names_of([2, 0]).tolist() == ["right", "origin"]


def test_an_index_without_names_says_so():
    with pytest.raises(ValueError, match="no names. Give `names`"):
        index.Index(CORNERS).names_of([0])
