import struct
import zlib

import numpy as np
import pytest
import scipy.io

from tfhash import matlab

HEADER = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<HH", 0x0100, 0x4D49)


def element(kind, content):
    return struct.pack("<II", kind, len(content)) + content + b"\0" * (-len(content) % 8)


def matrix(kind, content):
    """A matrix of one number, or a cell array of one element."""
    flags = element(6, struct.pack("<II", kind, 0)) + element(5, struct.pack("<ii", 1, 1))
    return element(14, flags + element(1, b"x") + content)


def nested(levels):
    inner = matrix(6, element(9, struct.pack("<d", 1)))
    for _ in range(levels):
        inner = matrix(1, inner)
    return HEADER + inner


def zeros(side):
    """A compressed matrix of uint8 zeros, made piece by piece: it is never in memory as a whole."""
    size = side * side
    start = element(6, struct.pack("<II", 9, 0)) + element(5, struct.pack("<ii", side, side))
    start += element(1, b"x") + struct.pack("<II", 2, size)
    packer = zlib.compressobj(1)
    packed = packer.compress(struct.pack("<II", 14, len(start) + size) + start)
    for _ in range(size // 2**20):
        packed += packer.compress(bytes(2**20))
    packed += packer.flush()
    return HEADER + struct.pack("<II", 15, len(packed)) + packed


def test_variables_are_read(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"x": np.eye(2), "name": "text"})
    stored = matlab.load(tmp_path / "a.mat")
    assert set(stored) == {"x", "name"}
    np.testing.assert_array_equal(stored["x"], np.eye(2))


def test_arrays_in_arrays_are_read(tmp_path):
    (tmp_path / "a.mat").write_bytes(nested(3))
    assert matlab.load(tmp_path / "a.mat")["x"].dtype == object


def test_what_is_nested_without_end_is_refused(tmp_path):
    """This ended the process."""
    (tmp_path / "deep.mat").write_bytes(nested(10000))
    with pytest.raises(ValueError, match="deep.mat` .*ends the process by SIG"):
        matlab.load(tmp_path / "deep.mat")


def test_a_small_file_of_much_memory_is_refused(tmp_path):
    (tmp_path / "bomb.mat").write_bytes(zeros(side=2**15))
    with pytest.raises(ValueError, match="bomb.mat` that takes up to 768 MiB.*as uint8"):
        matlab.load(tmp_path / "bomb.mat")


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"MATLAB 7.3 MAT-file" * 20])
def test_another_file_is_named(tmp_path, content):
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(ValueError, match="Expected a complete MATLAB 5 file at .*a.mat`"):
        matlab.load(tmp_path / "a.mat")
