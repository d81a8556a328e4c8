"""Reads NumPy's files of plain arrays, .npy and .npz, once their sizes have been checked.

`numpy.load` makes an array as large as the header says before it looks at what follows, and
raises what its parsers meet.
"""

import io
import math
import mmap
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


def of_bytes(content):
    """The array in the bytes of an .npy file; ValueError where they hold none."""
    return _array(io.BytesIO(content), len(content))


def mapped(path):
    """As `read`, but the numbers stay in the file until they are looked at, and can't be changed.

    `forget` gives back the memory of those that were.
    """
    with files.opened(path, "an .npy file") as file:
        size = os.path.getsize(path)
        try:
            shape, dtype, order = _header_of_numbers(file, size)
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return np.ndarray(shape, dtype, content, offset=file.tell(), order=order)
        except ValueError as error:
            raise ValueError(f"Expected an .npy file of an array at `{path}`: {error}.") from error


def forget(array):
    """Gives back the memory that a `mapped` array has taken; another array stays as it is."""
    if isinstance(array.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        array.base.madvise(mmap.MADV_DONTNEED)


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
    shape, dtype, order = _header_of_numbers(file, size)
    content = bytearray(math.prod(shape) * dtype.itemsize)
    file.readinto(content)
    if dtype.kind == "U" and not _is_text(content, dtype.byteorder):
        raise ValueError("expected text. Received numbers that are no letters")
    return np.ndarray(shape, dtype, content, order=order)


def _header_of_numbers(file, size):
    """As `header`, of an .npy file of `size` bytes that holds numbers or text, all of them."""
    shape, dtype, order = header(file)
    nbytes = math.prod(shape) * dtype.itemsize
    if dtype.kind not in KINDS or not dtype.itemsize:
        raise ValueError(f"expected numbers or text. Received: {dtype}")
    if nbytes > size - file.tell():
        raise ValueError(
            f"expected {nbytes} bytes of {dtype} {list(shape)} after the header. "
            f"There are {size - file.tell()}"
        )
    return shape, dtype, order


def _is_text(content, order):
    """Whether numbers of four bytes are letters: Python's text holds no others."""
    return (np.frombuffer(content, f"{order}u4") <= sys.maxunicode).all()
