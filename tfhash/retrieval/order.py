"""Sorting distances with what has to travel along: position and relevance, in one integer key."""

import numpy as np


def ordered(distances, out=None):
    """Unsigned integers in the order of float32 `distances`, of the same shape.

    The bits of a float are in its order once those of a negative number are all flipped, and the
    sign of another. `out` is a float32 buffer, or None.
    """
    order = np.add(distances, np.float32(0), out=out).view(np.int32)  # -0.0 is 0.0
    flipped = order >> 31
    flipped |= np.int32(-(2**31))
    order ^= flipped
    return order.view(np.uint32)


class Sorter:
    """Ranked lists of one query after another; the buffers are reused, one object for each thread.

    A key holds, from its highest bit down, the distance as an integer of the same order, the
    position in the database, and whether the item is relevant. So a plain sort, the fastest there
    is, ranks with ties in database order, and the ranked relevance is the lowest bit.

    Args:
        items: size of the database.
        ties: "stable" for database order, "best" and "worst" for relevant items first and last.
    """

    def __init__(self, items, ties="stable"):
        self._ties = ties
        self._position_bits = max(1, (items - 1).bit_length())
        self._order = np.empty(items, np.uint32)
        self._narrow = np.empty(items, np.uint32)
        self._wide = None  # uint64, once it is needed

    def keys(self, distances, relevant=False, top=None):
        """The sorted keys of the first `top` items, or of all.

        Args:
            distances: `[n]` float32 or unsigned integers.
            relevant: `[n]` bool.
            top: how many items, or None.
        """
        order, width = self._ordered(distances)
        shift = self._position_bits + 1
        split = self._ties != "stable"
        if width + split + shift > 64:
            raise ValueError(
                f"Expected distances of up to {64 - split - shift} bits for a database of "
                f"{len(distances)} items. Received: {width} bits. Rank a part of the database."
            )
        keys = self._buffer(width + split + shift)
        keys[...] = order
        if split:
            keys <<= 1
            keys |= np.asarray(relevant) == (self._ties == "worst")
        keys <<= shift
        keys |= self._positions(keys.dtype)
        keys |= relevant
        if top is not None and top < len(keys):
            keys.partition(top - 1)
            keys = keys[:top]
        keys.sort()
        return keys

    def ranks(self, keys):
        """The ranks of the relevant items among sorted keys, ascending from 0."""
        lowest = keys.view(np.uint8)[:: keys.itemsize] & 1  # little-endian: the first byte
        return np.flatnonzero(lowest.view(bool))

    def index(self, keys):
        """The positions in the database of sorted keys, int64."""
        mask = keys.dtype.type(2**self._position_bits - 1)
        return (keys >> keys.dtype.type(1) & mask).astype(np.int64)

    def ends(self, keys):
        """Where each group of equal distances ends in the sorted keys."""
        distances = keys >> keys.dtype.type(self._position_bits + 1)
        return np.append(np.flatnonzero(distances[1:] != distances[:-1]) + 1, len(keys))

    def _ordered(self, distances):
        """Unsigned integers in the order of the distances, and how many bits they have."""
        if distances.dtype == np.float32:
            return ordered(distances, out=self._order.view(np.float32)), 32
        if distances.dtype.kind != "u":
            raise ValueError(
                f"Expected distances as float32 or unsigned integers. Received: {distances.dtype}."
            )
        return distances, int(distances.max()).bit_length()

    def _buffer(self, width):
        if width <= 32:
            return self._narrow
        if self._wide is None:
            self._wide = np.empty(len(self._narrow), np.uint64)
        return self._wide

    def _positions(self, dtype):
        if not hasattr(self, "_base") or self._base.dtype != dtype:
            self._base = np.arange(len(self._narrow), dtype=dtype) << dtype.type(1)
        return self._base
