"""What all kinds of codes have: files, parts, and a name of their own."""

import subprocess
import sys

import numpy as np
import pytest

from tests.retrieval import plain
from tfhash.retrieval import codes

RNG = np.random.default_rng(0)
BOOKS = RNG.standard_normal((3, 4, 5)).astype(np.float32)
NUMBERS = RNG.integers(0, 4, (7, 3))
BINARY = codes.BinaryCodes.from_bits(RNG.integers(0, 2, (7, 70)))
FLOATS = codes.FloatCodes(plain.vectors(7, 5), "euclidean")
KINDS = [
    BINARY,
    codes.BucketCodes.from_values(RNG.random((7, 9)), 2),
    codes.QuantizedCodes(NUMBERS, BOOKS),
    codes.AdditiveCodes(NUMBERS, BOOKS, "cosine"),
    FLOATS,
    codes.RerankedCodes(BINARY, FLOATS),
    codes.TableCodes.from_values(RNG.random((7, 9)), plain.vectors(7, 5), 2),
]
each_kind = pytest.mark.parametrize("given", KINDS, ids=lambda given: given.kind)


def queries_of(given):
    """The items themselves or, of a table, what looks into it."""
    return plain.vectors(3, 9 + 5) if given.kind == "table" else given[:3]


@each_kind
def test_codes_come_back_from_their_file(given, tmp_path):
    given.save(tmp_path / "codes.npz")
    loaded = codes.load(tmp_path / "codes.npz")
    assert type(loaded) is type(given) and loaded.bits == given.bits
    for name, array in given.arrays().items():
        np.testing.assert_array_equal(loaded.arrays()[name], array)
    queries = queries_of(given)
    np.testing.assert_array_equal(loaded.distances(queries), given.distances(queries))


@each_kind
def test_a_part_of_codes_has_the_distances_of_its_items(given):
    queries = queries_of(given)
    np.testing.assert_array_equal(given[2:5].distances(queries), given.distances(queries)[:, 2:5])


WORDS = np.uint64([[1], [2]])
FORMATS = {
    "binary": {"words": WORDS, "bits": np.int64(2)},
    "buckets": {"words": WORDS, "bits": np.int64(2)},
    "quantized": {"codes": np.uint8([[0], [3]]), "codebooks": BOOKS[:1]},
    "additive": {
        "codes": np.uint8([[0], [3]]),
        "codebooks": BOOKS[:1],
        "distance": np.str_("cosine"),
    },
    "float": {"vectors": plain.vectors(2), "distance": np.str_("euclidean")},
    "table": {"words": WORDS, "bits": np.int64(2), "vectors": plain.vectors(2)},
}


@pytest.mark.parametrize("kind", FORMATS)
def test_the_files_keep_their_format(kind, tmp_path):
    """These are the arrays of files that are out there."""
    np.savez(tmp_path / "codes.npz", kind=np.str_(kind), **FORMATS[kind])
    loaded = codes.load(tmp_path / "codes.npz")
    assert (loaded.kind, len(loaded)) == (kind, 2)
    loaded.save(tmp_path / "again.npz")
    with np.load(tmp_path / "again.npz") as again:
        stored = {name: again[name] for name in again.files}
    assert str(stored.pop("kind")) == kind and set(stored) == set(FORMATS[kind])
    for name, array in FORMATS[kind].items():
        np.testing.assert_array_equal(stored[name], array, strict=True)


@each_kind
def test_names_come_back_from_the_file_of_the_codes(given, tmp_path):
    names = [f"photos/{number} é.jpg" for number in range(7)]
    given.save(tmp_path / "codes.npz", names=names)
    assert codes.load(tmp_path / "codes.npz").names.tolist() == names


def test_a_file_without_names_has_none(tmp_path):
    BINARY.save(tmp_path / "codes.npz")
    assert codes.load(tmp_path / "codes.npz").names is None


def test_names_of_another_number_are_refused(tmp_path):
    with pytest.raises(ValueError, match="each of the 7 items. Received: 2 names"):
        BINARY.save(tmp_path / "codes.npz", names=["a", "b"])
    assert not list(tmp_path.iterdir())
    arrays = BINARY.arrays() | {"kind": np.str_("binary"), "names": np.array(["a", "b"])}
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(ValueError, match="bad.npz.*each of the 7 items"):
        codes.load(tmp_path / "bad.npz")


def test_a_kind_whose_module_is_not_imported_yet_is_loaded(tmp_path):
    KINDS[-1].save(tmp_path / "codes.npz")
    program = (
        "import sys; from tfhash.retrieval.base import Codes\n"
        "assert 'tfhash.retrieval.table' not in sys.modules\n"
        "print(type(Codes.load(sys.argv[1])).__name__)"
    )
    command = [sys.executable, "-c", program, tmp_path / "codes.npz"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["TableCodes"]


def test_codes_of_another_kind_are_refused(tmp_path):
    BINARY.save(tmp_path / "codes.npz")
    with pytest.raises(ValueError, match="codes.npz.*QuantizedCodes.*'binary'"):
        codes.QuantizedCodes.load(tmp_path / "codes.npz")


def test_codes_of_an_unknown_kind_are_refused(tmp_path):
    np.savez(tmp_path / "codes.npz", kind=np.str_("telepathy"), words=WORDS)
    with pytest.raises(ValueError, match="codes.npz.*one of .*'binary'.*'telepathy'"):
        codes.load(tmp_path / "codes.npz")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_file_is_refused(tmp_path, share):
    path = tmp_path / "codes.npz"
    BINARY.save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match="codes.npz. is not a complete file of codes"):
        codes.load(path)


def test_a_file_of_other_arrays_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(ValueError, match="other.npz"):
        codes.load(tmp_path / "other.npz")


def test_a_file_with_pickled_objects_is_refused(tmp_path):
    np.savez(tmp_path / "bad.npz", kind=np.str_("binary"), words=np.array([{}], object))
    with pytest.raises(ValueError, match="bad.npz"):
        codes.load(tmp_path / "bad.npz")


def test_arrays_that_do_not_fit_are_refused(tmp_path):
    np.savez(tmp_path / "bad.npz", kind=np.str_("binary"), words=np.zeros((2, 1)), bits=np.int64(9))
    with pytest.raises(ValueError, match="bad.npz.*do not fit"):
        codes.load(tmp_path / "bad.npz")


def test_float_queries_are_saved_as_float_codes_and_codes_as_they_are():
    queries = plain.vectors(2)
    np.testing.assert_array_equal(FLOATS.queries_to_save(queries).vectors, queries)
    assert BINARY.queries_to_save(BINARY) is BINARY


def test_two_kinds_of_one_name_are_refused():
    with pytest.raises(TypeError, match="'binary'.*kind of tfhash.retrieval.binary.BinaryCodes"):
        type("Other", (codes.FloatCodes,), {"kind": "binary"})


def test_a_kind_without_a_name_is_refused():
    with pytest.raises(TypeError, match="`kind`.*Nameless"):
        type("Nameless", (codes.Codes,), {})
