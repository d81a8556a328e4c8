import io
import os
import zipfile

import numpy as np
import pytest

from tfhash import numpy_files

ARRAYS = {
    "numbers": np.arange(12.0).reshape(3, 4),
    "columns": np.asfortranarray(np.arange(6, dtype=">i2").reshape(2, 3)),
    "text": np.array(["one", "three"]),
    "text of two dimensions": np.asfortranarray([["one", "three"], ["", "two"]], ">U5"),
    "no text": np.zeros(0, "<U3"),
    "empty": np.zeros((0, 5), np.float32),
    "scalar": np.array(7, np.uint8),
}


def assert_equal(array, expected):
    assert array.dtype == expected.dtype and array.shape == expected.shape
    np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_is_read(tmp_path, name):
    np.save(tmp_path / "a.npy", ARRAYS[name])
    assert_equal(numpy_files.read(tmp_path / "a.npy"), ARRAYS[name])


def test_an_array_that_is_read_can_be_changed(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    array = numpy_files.read(tmp_path / "a.npy")
    array[0] = 1
    assert array.tolist() == [1, 0, 0]


def test_the_arrays_of_an_archive_are_read(tmp_path):
    np.savez(tmp_path / "a.npz", **ARRAYS)
    arrays = numpy_files.read_all(tmp_path / "a.npz")
    assert set(arrays) == set(ARRAYS)
    for name, array in arrays.items():
        assert_equal(array, ARRAYS[name])


def with_header(text):
    text = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def of_shape(shape, dtype="<f8"):
    return with_header(f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}")


BAD = {
    "no header": (b"nothing", "no .npy header"),
    "an open string": (with_header("{'descr': '<f8', 'shape': (1L, '''"), "no .npy header"),
    "signs": (with_header("-" * 9000 + "1"), "no .npy header"),
    "brackets": (with_header("(" * 9000), "no .npy header"),
    "no letters": (of_shape((1,), "<U1") + b"\xff" * 4, "numbers that are no letters"),
    "negative sides": (of_shape((-2, -3)), r"a shape of \[-2, -3\]"),
    "more than there is": (of_shape((2**40,)), "expected 8796093022208 bytes.*There are 0"),
    "no bytes a number": (of_shape((2**40,), "|S0"), "expected numbers or text. Received: [|]S0"),
    "objects": (of_shape((), "|O") + b"N.", "expected numbers or text. Received: object"),
}


@pytest.mark.parametrize("content, message", BAD.values(), ids=BAD)
def test_another_file_is_named(tmp_path, content, message):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(ValueError, match=f"a.npy`: .*{message}"):
        numpy_files.read(tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", content)
    with pytest.raises(ValueError, match=f"a.npz`: .*{message}"):
        numpy_files.read_all(tmp_path / "a.npz")


def test_compressed_arrays_are_refused(tmp_path):
    """A small file may hold very large ones."""
    np.savez_compressed(tmp_path / "a.npz", zeros=np.zeros(10**6))
    with pytest.raises(ValueError, match="a.npz.*without compression.*zeros.npy of 8000128 bytes"):
        numpy_files.read_all(tmp_path / "a.npz")


def test_members_that_share_their_bytes_are_refused(tmp_path):
    """Each is as large as the file says; together they are larger than the file."""
    content = io.BytesIO()
    np.save(content, np.zeros(1000))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", content.getvalue())
        first = archive.infolist()[0]
        archive.filelist += [first] * 3
    with pytest.raises(ValueError, match="no larger than the file"):
        numpy_files.read_all(tmp_path / "a.npz")


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for read in (numpy_files.read, numpy_files.read_all):
        with pytest.raises(ValueError, match="a pipe"):
            read(tmp_path / "pipe")
