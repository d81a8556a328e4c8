"""The codes of single items as bytes, which an index stores, and back."""

import numpy as np


def packed(codes):
    """`[n, bytes]` uint8: what `codes.arrays()` has of each item, side by side."""
    arrays = codes.arrays()
    parts = [np.ascontiguousarray(arrays[name]) for name in _of_items(codes)]
    return np.concatenate([part.reshape(len(codes), -1).view(np.uint8) for part in parts], axis=1)


def unpacked(content, empty):
    """The codes of bytes, as rows of `packed` after one another.

    Args:
        content: the bytes.
        empty: codes of no item, of the same kind, that hold what the items share.
    Raises:
        ValueError: they are no whole items, or no such codes.
    """
    arrays = {name: _plain(array) for name, array in empty.arrays().items()}
    parts = {name: arrays[name] for name in _of_items(empty)}
    widths = [np.prod(part.shape[1:], dtype=int) * part.itemsize for part in parts.values()]
    rows = np.frombuffer(content, np.uint8).reshape(-1, sum(widths))
    for (name, part), own in zip(parts.items(), np.split(rows, np.cumsum(widths)[:-1], axis=1)):
        own = np.ascontiguousarray(own)
        arrays[name] = own.view(part.dtype).reshape(-1, *part.shape[1:])
    return type(empty).from_arrays(**arrays)


def same_kind(codes, others):
    """Whether two codes differ in their items alone."""
    if codes.kind != others.kind:
        return False
    pairs = zip(codes[:0].arrays().items(), others[:0].arrays().items(), strict=True)
    return all(name == other and np.array_equal(a, b) for (name, a), (other, b) in pairs)


def _of_items(codes):
    """The names of the arrays that have a row for each item: none of which an empty part has."""
    return [name for name, array in codes[:0].arrays().items() if np.shape(array)[:1] == (0,)]


def _plain(array):
    return array if np.ndim(array) else np.asarray(array).item()
