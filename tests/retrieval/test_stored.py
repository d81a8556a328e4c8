import numpy as np
import pytest

from tfhash.retrieval import codes, stored

RNG = np.random.default_rng(0)
BOOKS = RNG.standard_normal((3, 4, 5)).astype(np.float32)
KINDS = [
    codes.BinaryCodes.from_bits(RNG.integers(0, 2, (7, 70))),
    codes.BucketCodes.from_values(RNG.random((7, 9)), 2),
    codes.QuantizedCodes(RNG.integers(0, 4, (7, 3)), BOOKS),
    codes.AdditiveCodes(RNG.integers(0, 4, (7, 3)), BOOKS, "cosine"),
    codes.FloatCodes(RNG.standard_normal((7, 5)), "euclidean"),
]


@pytest.mark.parametrize("given", KINDS, ids=lambda given: given.kind)
def test_codes_come_back_from_their_file(given, tmp_path):
    given.save(tmp_path / "codes.npz")
    loaded = stored.Stored.load(tmp_path / "codes.npz")
    assert type(loaded) is type(given) and loaded.bits == given.bits
    for name, array in given.arrays().items():
        np.testing.assert_array_equal(loaded.arrays()[name], array)


@pytest.mark.parametrize("given", KINDS, ids=lambda given: given.kind)
def test_a_part_of_codes_has_the_distances_of_its_items(given):
    queries = given if given.kind != "quantized" else given.decode()
    np.testing.assert_array_equal(given[2:5].distances(queries), given.distances(queries)[:, 2:5])


def test_codes_of_another_kind_are_refused(tmp_path):
    KINDS[0].save(tmp_path / "codes.npz")
    with pytest.raises(ValueError, match="codes.npz.*QuantizedCodes.*'binary'"):
        codes.QuantizedCodes.load(tmp_path / "codes.npz")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_file_is_refused(tmp_path, share):
    path = tmp_path / "codes.npz"
    KINDS[0].save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match="codes.npz. is no whole file of codes"):
        stored.Stored.load(path)


def test_a_file_of_other_arrays_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(ValueError, match="other.npz"):
        stored.Stored.load(tmp_path / "other.npz")


def test_a_file_with_pickled_objects_is_refused(tmp_path):
    np.savez(tmp_path / "bad.npz", kind=np.str_("binary"), words=np.array([{}], object))
    with pytest.raises(ValueError, match="bad.npz"):
        stored.Stored.load(tmp_path / "bad.npz")


def test_arrays_that_do_not_fit_are_refused(tmp_path):
    np.savez(tmp_path / "bad.npz", kind=np.str_("binary"), words=np.zeros((2, 1)), bits=np.int64(9))
    with pytest.raises(ValueError, match="bad.npz.*do not fit"):
        stored.Stored.load(tmp_path / "bad.npz")
