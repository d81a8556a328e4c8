"""Reads NumPy's files of plain arrays, .npy and .npz, once their sizes have been checked.

`numpy.load` makes an array as large as the header says before it looks at what follows, and
raises what its parsers meet.
"""

import math
import os
import sys
import zipfile

import numpy as np

from tfhash import checks, files

KINDS = "biufcSU"  # of dtypes: numbers and text


def header(file):
    """(shape, dtype, "C" or "F" for the order), with which an .npy file begins.

    `file` stands behind it then.

    Raises:
        ValueError: it begins with something else; says what, but not in which file.
    """
    try:
        version = np.lib.format.read_magic(file)
        reader = "read_array_header_1_0" if version == (1, 0) else "read_array_header_2_0"
        shape, fortran, dtype = getattr(np.lib.format, reader)(file)
    except Exception as error:  # the header is Python: its parsers raise what they meet
        raise ValueError(f"no .npy header: {checks.brief(error)}") from error
    if any(side < 0 for side in shape):
        raise ValueError(f"no .npy header: a shape of {list(shape)}")
    return shape, dtype, "F" if fortran else "C"


def read(path):
    """The array of an .npy file; ValueError, which names the file, where it holds none."""
    with files.opened(path, "an .npy file") as file:
        try:
            return _array(file, os.path.getsize(path))
        except ValueError as error:
            raise ValueError(f"Expected an .npy file of an array at `{path}`: {error}.") from error


def read_all(path):
    """`{name: array}` of an .npz file as `numpy.savez` writes it, without compression.

    Raises:
        ValueError: it is damaged or another file, its arrays are compressed, or together they
            are larger than the file; names it.
    """
    with files.opened(path, "an .npz file", zipped=True) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return dict(_members(archive, os.path.getsize(path)))
        except Exception as error:  # of zipfile, for a damaged directory: of any kind
            raise ValueError(
                f"Expected an .npz file of arrays at `{path}`: {checks.brief(error)}."
            ) from error


def _members(archive, room):
    for member in archive.infolist():
        room -= member.file_size
        if member.compress_type != zipfile.ZIP_STORED or room < 0:
            raise ValueError(
                f"expected arrays without compression, no larger than the file. Received: "
                f"{member.filename} of {member.file_size} bytes"
            )
        with archive.open(member) as file:
            yield member.filename.removesuffix(".npy"), _array(file, member.file_size)


def _array(file, size):
    """The array of an .npy file of `size` bytes."""
    shape, dtype, order = header(file)
    count = math.prod(shape)
    if dtype.kind not in KINDS or not dtype.itemsize:
        raise ValueError(f"expected numbers or text. Received: {dtype}")
    if count * dtype.itemsize > size - file.tell():
        raise ValueError(
            f"expected {count * dtype.itemsize} bytes of {dtype} {list(shape)} after the header. "
            f"There are {size - file.tell()}"
        )
    content = bytearray(count * dtype.itemsize)
    file.readinto(content)
    if dtype.kind == "U" and not _is_text(content, dtype.byteorder):
        raise ValueError("expected text. Received numbers that are no letters")
    return np.ndarray(shape, dtype, content, order=order)


def _is_text(content, order):
    """Whether numbers of four bytes are letters: Python's text holds no others."""
    return (np.frombuffer(content, f"{order}u4") <= sys.maxunicode).all()
