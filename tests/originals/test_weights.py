import pickle
import zipfile

import numpy as np
import pytest

from tfhash.originals import readers
from tfhash.originals.readers import npy

KERNEL = np.arange(6, dtype=np.float32).reshape(2, 3)
ARRAYS = {"conv1/kernel": KERNEL, "conv1/bias": KERNEL[0], "C": KERNEL.T}


def npy_file(tmp_path, value, protocol=3):
    """A file as `np.save` writes it, in any protocol of pickle."""
    with open(tmp_path / "w.npy", "wb") as file:
        header = {"descr": "|O", "fortran_order": False, "shape": ()}
        np.lib.format.write_array_header_1_0(file, header)
        pickle.dump(np.array(value, dtype=object), file, protocol=protocol)
    return tmp_path / "w.npy"


def assert_equal(found, expected=ARRAYS):
    assert set(found) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("protocol", range(6))
def test_a_dictionary_of_layers_is_read(tmp_path, protocol):
    stored = {"conv1": [KERNEL, KERNEL[0]], "C": KERNEL.T}
    assert_equal(npy.read(npy_file(tmp_path, stored, protocol)))


def test_bytes_as_keys_are_read(tmp_path):
    assert_equal(npy.read(npy_file(tmp_path, {b"conv1": [KERNEL, KERNEL[0]], b"C": KERNEL.T})))


def test_layers_as_dictionaries_are_read(tmp_path):
    stored = {"conv1": {b"weights": KERNEL, "biases": KERNEL[0]}, "C": KERNEL.T}
    assert_equal(npy.read(npy_file(tmp_path, stored)))


def test_a_file_of_python_2_is_read(tmp_path):
    """Protocol 2 as Python 2 writes it: strings without an encoding."""
    content = KERNEL[0].tobytes()
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
        b"(I1\n(I3\ntcnumpy\ndtype\n(S'f4'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"
        b"I00\nU" + bytes([len(content)]) + content + b"tb"
    )
    with open(tmp_path / "w.npy", "wb") as file:
        header = {"descr": "|O", "fortran_order": False, "shape": ()}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(b"(dS'fc8'\n(l" + array + b"a" + array + b"as.")
    assert_equal(npy.read(tmp_path / "w.npy"), {"fc8/kernel": KERNEL[0], "fc8/bias": KERNEL[0]})


def test_a_file_in_an_archive_is_read(tmp_path):
    npy.write(tmp_path / "w.npy", ARRAYS)
    with zipfile.ZipFile(tmp_path / "w.npy.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "w.npy", "w.npy")
    assert_equal(npy.read(tmp_path / "w.npy.zip"))


def test_what_is_written_is_read(tmp_path):
    npy.write(tmp_path / "w.npy", ARRAYS)
    assert_equal(npy.read(tmp_path / "w.npy"))


def test_what_is_written_is_the_dictionary_of_the_original(tmp_path):
    npy.write(tmp_path / "w.npy", ARRAYS)
    stored = np.load(tmp_path / "w.npy", allow_pickle=True, encoding="bytes").item()
    np.testing.assert_array_equal(stored["conv1"][0], KERNEL)
    np.testing.assert_array_equal(stored["conv1"][1], KERNEL[0])
    np.testing.assert_array_equal(stored["C"], KERNEL.T)


def test_what_is_written_names_no_module_of_numpy_2(tmp_path):
    npy.write(tmp_path / "w.npy", ARRAYS)
    data = (tmp_path / "w.npy").read_bytes()
    assert b"numpy._core" not in data and b"numpy.core.multiarray\n_reconstruct\n" in data


def test_shapes_are_those_of_an_npy_file(tmp_path):
    npy.write(tmp_path / "w.npy", ARRAYS)
    assert readers.shapes(tmp_path / "w.npy") == {
        "conv1/kernel": (2, 3),
        "conv1/bias": (3,),
        "C": (3, 2),
    }


class Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_file_that_would_run_code_is_refused(tmp_path):
    path = npy_file(tmp_path, {"conv1": [KERNEL, Evil(tmp_path / "made")]})
    with pytest.raises(ValueError, match="w.npy.*open, which could run code"):
        npy.read(path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "value", [[KERNEL], {"conv1": [KERNEL]}, {"conv1": [KERNEL, "text"]}, {"C": np.arange(3)}]
)
def test_another_layout_is_refused(tmp_path, value):
    with pytest.raises(ValueError, match="w.npy.*[Ee]xpected"):
        npy.read(npy_file(tmp_path, value))


@pytest.mark.parametrize("content", [b"", b"no such file", b"\x93NUMPY\x01\x00"])
def test_a_file_that_is_no_npy_is_named(tmp_path, content):
    (tmp_path / "w.npy").write_bytes(content)
    with pytest.raises(ValueError, match="w.npy"):
        npy.read(tmp_path / "w.npy")


def test_a_plain_array_is_refused(tmp_path):
    np.save(tmp_path / "w.npy", KERNEL)
    with pytest.raises(ValueError, match=r"float32 \[2, 3\]"):
        npy.read(tmp_path / "w.npy")


def test_a_truncated_file_is_named(tmp_path):
    npy.write(tmp_path / "w.npy", ARRAYS)
    data = (tmp_path / "w.npy").read_bytes()
    (tmp_path / "w.npy").write_bytes(data[:-40])
    with pytest.raises(ValueError, match="w.npy.*truncated"):
        npy.read(tmp_path / "w.npy")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="none.npy"):
        npy.read(tmp_path / "none.npy")
