"""The numbers of PyTorch's tensors, as they lie in its files."""

import pickle

import numpy as np

KINDS = {
    "Double": "<f8",
    "Float": "<f4",
    "Half": "<f2",
    "BFloat16": "bfloat16",
    "Long": "<i8",
    "Int": "<i4",
    "Short": "<i2",
    "Char": "<i1",
    "Byte": "<u1",
    "Bool": "|b1",
}


def whole_numbers(file, count):
    """The next `count` 64-bit integers of a file, as a list."""
    content = file.read(8 * count)
    if not 0 <= count <= len(content) // 8:
        raise pickle.UnpicklingError("a tensor is truncated")
    return np.frombuffer(content, "<i8").tolist()


def content(file, kind):
    """A storage as it stands behind a pickle: the number of its numbers, and these."""
    count = whole_numbers(file, 1)[0]
    size = 2 if kind == "BFloat16" else np.dtype(KINDS[kind]).itemsize
    return flat(file.read(max(0, count) * size), kind, count)


def flat(content, kind, count):
    """The numbers of a storage as an array; of bfloat16, the upper half of a float32, as those."""
    stored = "<u2" if kind == "BFloat16" else KINDS[kind]
    if len(content) != count * np.dtype(stored).itemsize:
        raise pickle.UnpicklingError(
            f"a storage of {count} numbers has {len(content)} of its "
            f"{count * np.dtype(stored).itemsize} bytes"
        )
    numbers = np.frombuffer(content, stored)
    if kind == "BFloat16":
        return (numbers.astype(np.uint32) << 16).view(np.float32)
    return numbers
