"""Pools of vectors: what they give, what they refuse, and how little memory they take."""

import numpy as np
import pytest

from tfhash import numpy_files
from tfhash.data import vectors
from tfhash.data.vectors import Vectors

VALUES = np.arange(1, 13, dtype=np.float16).reshape(4, 3)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4"])
def test_vectors_are_read_as_float32(dtype):
    read = Vectors(VALUES.astype(dtype)).read(np.array([2, 0]))
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, VALUES[[2, 0]])


def test_a_pool_says_what_it_holds():
    pool = Vectors(VALUES, np.array(["a", "b", "c", "d"]))
    assert (len(pool), pool.size, pool.shape, pool.name(2)) == (4, (3,), (3,), "c")
    assert Vectors(VALUES).name(2) == "#2" and pool.describe() == "vectors of 3 numbers"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_what_is_not_finite_in_float32_is_refused_with_its_row(value):
    values = VALUES.astype(np.float64)
    values[2, 1] = value
    with pytest.raises(ValueError, match="`x.npy`.*1 of 4 rows hold NaN or infinity.*#2"):
        Vectors(values, source="x.npy")


def test_zeros_alone_are_refused_with_their_row():
    values = VALUES * np.float16([[1], [0], [1], [0]])
    with pytest.raises(ValueError, match="2 of 4 rows hold nothing but zeros.*#1"):
        Vectors(values)


@pytest.mark.parametrize(
    "values",
    [np.ones(3), np.ones((2, 3), int), np.ones((0, 3)), np.ones((2, 2, 2)), np.ones((2, 0))],
)
def test_what_is_no_matrix_of_floats_is_refused(values):
    with pytest.raises(ValueError, match=r"float32 or float64 \[n, width\]"):
        Vectors(values)


def test_as_many_ids_as_vectors_are_needed():
    with pytest.raises(ValueError, match="id for each of the 4 rows.*Received: 3"):
        Vectors(VALUES, np.array(["a", "b", "c"]))


def test_the_moments_are_those_of_the_vectors_asked_for(monkeypatch):
    """In blocks of two rows, the last of one."""
    monkeypatch.setattr(vectors, "BLOCK", 6)
    values = np.random.default_rng(0).standard_normal((9, 3)) + 5
    rows = np.array([8, 1, 2, 5, 0])
    mean, covariance = vectors.moments(Vectors(values), rows)
    np.testing.assert_allclose(mean, values[rows].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(covariance, np.cov(values[rows].T, bias=True), atol=1e-5)


def resident(array):
    """Bytes of a mapped array's file that are in this process' memory."""
    start = array.ctypes.data
    with open("/proc/self/smaps") as file:
        lines = file.read().splitlines()
    for number, line in enumerate(lines):
        first, dash, rest = line.partition("-")
        if dash and all(letter in "0123456789abcdef" for letter in first):
            if int(first, 16) <= start < int(rest.split()[0], 16):
                found = (one for one in lines[number:] if one.startswith("Rss:"))
                return 1024 * int(next(found).split()[1])
    raise LookupError("no such mapping")


def test_a_mapped_file_does_not_stay_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(vectors, "BLOCK", 2**16)
    monkeypatch.setattr(vectors, "KEPT", 2**20)
    np.save(tmp_path / "x.npy", np.ones((2**14, 128), np.float16))
    values = numpy_files.mapped(tmp_path / "x.npy")
    pool = Vectors(values)
    assert values.nbytes == 2**22 and resident(values) < 2**20
    for first in range(0, 2**14, 64):
        pool.read(np.arange(first, first + 64))
    assert resident(values) <= 2**21
    assert values.any() and (values == 1).all()
    assert resident(values) > 2**21  # else the measure could not fail
