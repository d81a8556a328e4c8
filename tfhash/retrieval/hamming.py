"""Hamming distances of packed bits: pairs, counts per distance, and the ranks of some items."""

import numpy as np

CHUNK = 65536  # items of which a query's words and distances stay in the second-level cache


def pack(bits):
    """`[n, bits]` 0/1 -> `[n, words]` uint64, padded with zeros to whole words."""
    packed = np.packbits(bits, axis=1, bitorder="little")
    words = np.zeros((len(packed), -(-packed.shape[1] // 8) * 8), np.uint8)
    words[:, : packed.shape[1]] = packed
    return words.view("<u8")


def unpack(words, bits):
    """The inverse of `pack`: `[n, bits]` uint8."""
    return np.unpackbits(words.view(np.uint8), axis=1, count=bits, bitorder="little")


def distances(words, query, out, different):
    """Distances of one query `[words]` to `[n, words]`.

    Args:
        words, query: packed bits.
        out: `[n]` uint8, or uint16 for more than 255 bits; is written.
        different: `[n]` uint64 buffer.
    """
    np.bitwise_xor(words[:, 0], query[0], out=different)
    np.bitwise_count(different, out=out)
    for column in range(1, words.shape[1]):
        np.bitwise_xor(words[:, column], query[column], out=different)
        out += np.bitwise_count(different)


def counts(words, queries, relevance, first_query, largest):
    """How many items, and how many relevant ones, lie at each distance.

    Args:
        words: `[n, words]` packed bits of the database.
        queries: `[q, words]`, the queries `first_query` and on of `relevance`.
        relevance: a `Relevance`.
        largest: the largest distance, the number of bits.
    Returns:
        Two arrays `[q, largest + 1]` int64.
    """
    items = np.zeros((len(queries), largest + 1), np.int64)
    relevant = np.zeros_like(items)
    size = min(CHUNK, len(words))
    different, wide = np.empty(size, np.uint64), np.empty(size, np.intp)
    narrow = np.empty(size, distance_type(largest))
    # Queries of the same labels follow one another, so that they share the relevant positions.
    groups = sorted(range(len(queries)), key=lambda row: relevance.group(first_query + row))
    for first in range(0, len(words), size):
        part = words[first : first + size]
        row_of = relevance.part(slice(first, first + size))
        group, found, count = None, None, len(part)
        for row in groups:
            distances(part, queries[row], narrow[:count], different[:count])
            if relevance.group(first_query + row) != group:
                group = relevance.group(first_query + row)
                found = np.flatnonzero(row_of(first_query + row))
            wide[:count] = narrow[:count]  # what bincount would copy for itself
            items[row] += np.bincount(wide[:count], minlength=largest + 1)
            relevant[row] += np.bincount(wide.take(found), minlength=largest + 1)
    return items, relevant


def distance_type(largest):
    """The narrowest type of distances up to `largest`."""
    return np.uint8 if largest < 256 else np.uint16


class StableRanks:
    """Ranks of some items by their Hamming distance, ties in database order.

    A bitmap of the items at each distance, one after another, is the ranked list with gaps: the
    rank of an item is the number of bits before its own. Nothing is sorted but the result.
    The buffers serve one query after another; one object for each thread.

    Args:
        words: `[n, words]` packed bits of the database.
        largest: the largest distance, the number of bits.
    """

    def __init__(self, words, largest):
        self._codes, self.items = words, len(words)
        self._words = -(-self.items // 64)  # of a bitmap
        levels, padded = largest // 8 + 1, 64 * self._words
        self._different = np.empty(self.items, np.uint64)
        self._distances = np.empty(self.items, distance_type(largest))
        self._part = np.zeros(padded, self._distances.dtype)
        self._equal = np.empty((max(levels, 8), padded), bool)
        self._maps = np.empty((levels * 8, self._words), np.uint64)
        self._counts = np.empty(self._maps.size, np.uint8)
        self._through = np.empty(self._maps.size, np.int64 if self.items >= 2**31 else np.int32)
        self._largest = largest

    def rank(self, query, positions):
        """The ranks of the items at `positions`, ascending from 0, for a query `[words]`.

        Returns:
            The ranks, and `[largest + 1]`: how many items lie within each distance.
        """
        distances(self._codes, query, self._distances, self._different)
        first, maps = self._bitmaps()
        counts = np.bitwise_count(maps, out=self._counts[: maps.size])
        through = np.cumsum(counts, out=self._through[: maps.size])
        place = self._distances.take(positions).astype(np.intp)
        place -= first
        place *= self._words
        place += positions >> 6
        before = (np.uint64(1) << (positions & 63).astype(np.uint64)) - np.uint64(1)
        before &= maps.take(place)
        ranks = through.take(place)
        ranks -= counts.take(place)
        ranks += np.bitwise_count(before)
        ranks.sort()
        within = np.full(self._maps.shape[0], self.items)
        within[:first] = 0
        ends = through[self._words - 1 :: self._words]
        within[first : first + len(ends)] = ends
        return ranks, within[: self._largest + 1]

    def _bitmaps(self):
        """The smallest distance that has a bitmap, and the bitmaps from there on, `[words]` flat.

        Eight bitmaps tell the last three bits of the distance, others the rest of it.
        """
        low, high = int(self._distances.min()) >> 3, int(self._distances.max()) >> 3
        np.right_shift(self._distances, 3, out=self._part[: self.items])
        coarse = self._where(np.arange(low, high + 1))
        if self.items % 64:  # the last bits are no items
            coarse[:, -1] &= np.uint64(2 ** (self.items % 64) - 1)
        np.bitwise_and(self._distances, 7, out=self._part[: self.items])
        fine = self._where(np.arange(8))
        maps = self._maps[: 8 * len(coarse)].reshape(len(coarse), 8, self._words)
        np.bitwise_and(coarse[:, None], fine, out=maps)
        return 8 * low, maps.reshape(-1)

    def _where(self, values):
        """`[values, words]`: the bits of the items whose part of the distance is each value."""
        values = values.astype(self._part.dtype)[:, None]
        equal = np.equal(self._part, values, out=self._equal[: len(values)])
        return np.packbits(equal, axis=1, bitorder="little").view("<u8")
