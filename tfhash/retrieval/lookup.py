"""Distances of quantized codes as sums of look-up tables, an entry for each chosen codeword."""

import numpy as np

LARGEST_TABLE = 4096  # entries of a merged table, which stays in the first-level cache
CHUNK = 65536  # items whose table entries are found at a time


def groups(codebooks, words):
    """Ranges of neighbouring codebooks whose joint table has at most `LARGEST_TABLE` entries."""
    size = 1
    while words > 1 and words ** (size + 1) <= LARGEST_TABLE:
        size += 1
    return [range(first, min(first + size, codebooks)) for first in range(0, codebooks, size)]


def sums(codes, tables, out):
    """The sum of each item's table entries, added in the same order for every item.

    So equal codes have equal sums to the last bit, and ties are ties.

    Args:
        codes: `[n, codebooks]` unsigned integers under `words`.
        tables: `[q, codebooks, words]` float32.
        out: `[q, n]` float32; is written.
    """
    count, codebooks, words = tables.shape
    parts = groups(codebooks, words)
    merged = [_merged(tables, part) for part in parts]
    entries = np.empty((len(parts), min(CHUNK, len(codes))), np.intp)
    gathered = np.empty(entries.shape[1], np.float32)
    for first in range(0, len(codes), CHUNK):
        piece = codes[first : first + CHUNK]
        for entry, part in zip(entries, parts):
            _entries(piece, part, words, entry[: len(piece)])
        for query in range(count):
            result = out[query, first : first + CHUNK]
            # "clip" saves take a copy; the entries are in range.
            merged[0][query].take(entries[0, : len(piece)], out=result, mode="clip")
            for table, entry in zip(merged[1:], entries[1:]):
                more = gathered[: len(piece)]
                table[query].take(entry[: len(piece)], out=more, mode="clip")
                result += more
    return out


def _merged(tables, part):
    """`[q, words ** len(part)]`: the sums over all choices of codewords of some codebooks."""
    table = tables[:, part[0]]
    for codebook in part[1:]:
        table = (table[:, :, None] + tables[:, codebook][:, None]).reshape(len(tables), -1)
    return np.ascontiguousarray(table)


def _entries(codes, part, words, out):
    """The entry of each item in the merged table of some codebooks."""
    out[...] = codes[:, part[0]]
    for codebook in part[1:]:
        out *= words
        out += codes[:, codebook]
