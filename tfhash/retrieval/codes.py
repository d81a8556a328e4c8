"""The codes of a database, and the distances of queries to them."""

import os
import pathlib
import zipfile

import numpy as np

LARGEST_TABLE = 4096  # entries of a merged look-up table; stays in the first-level cache


class QuantizedCodes:
    """Product codes: a codeword number per segment, and the codebooks that queries look up.

    The distance of a float query q to a code is the sum over the segments of 1 - q_j . z, z the
    codeword: asymmetric, an inner product, and negative for long vectors. Equal codes have equal
    distances to the last bit, so that ties are ties.

    Args:
        codes: `[n, segments]` integers under `words`.
        codebooks: `[segments, words, length]` float32.
    Raises:
        ValueError: shapes or codes that do not fit each other.
    Original: youngkyunJang/GPQ, utils/RetrievalTest.py, pqDist.
    """

    def __init__(self, codes, codebooks):
        codes, codebooks = np.asarray(codes), np.asarray(codebooks, np.float32)
        if codes.ndim != 2 or codebooks.ndim != 3 or codes.shape[1] != len(codebooks):
            raise ValueError(
                "Expected `codes` [n, segments] and `codebooks` [segments, words, length]. "
                f"Received: {list(codes.shape)} and {list(codebooks.shape)}."
            )
        words = codebooks.shape[1]
        if codes.size and not 0 <= codes.min() <= codes.max() < words:
            raise ValueError(f"Expected codes in 0 to {words - 1}. Received up to {codes.max()}.")
        self.codes = codes.astype(np.uint8 if words <= 256 else np.uint16, copy=False)
        self.codebooks = codebooks
        self._groups = _groups(len(codebooks), words)
        self._numbers = None

    def __len__(self):
        return len(self.codes)

    @property
    def bits(self):
        """Length of a code in bits."""
        segments, words, _ = self.codebooks.shape
        return segments * int(words - 1).bit_length()

    def distances(self, queries):
        """Float queries `[q, segments * length]` -> distances `[q, n]` float32."""
        tables = self._tables(queries)
        numbers = self._merged()
        result = np.empty((len(queries), len(self)), np.float32)
        for row, distances in enumerate(result):
            np.take(tables[0][row], numbers[0], out=distances, mode="clip")
            for table, number in zip(tables[1:], numbers[1:]):
                distances += table[row][number]
        return result

    def _tables(self, queries):
        """A look-up table `[q, entries]` for each group of segments."""
        segments, words, length = self.codebooks.shape
        queries = np.asarray(queries, np.float32)
        if queries.ndim != 2 or queries.shape[1] != segments * length:
            raise ValueError(
                f"Expected queries [q, {segments * length}]. Received: {list(queries.shape)}."
            )
        parts = queries.reshape(-1, segments, length).transpose(1, 0, 2)
        single = 1 - parts @ self.codebooks.transpose(0, 2, 1)  # (segments, q, words)
        tables = []
        for group in self._groups:
            table = single[group[0]]
            for segment in group[1:]:
                table = (table[:, :, None] + single[segment][:, None]).reshape(len(queries), -1)
            tables.append(table)
        return tables

    def _merged(self):
        """The entry of each item in each of those tables: `[groups, n]`."""
        if self._numbers is None:
            words = self.codebooks.shape[1]
            numbers = np.zeros((len(self._groups), len(self)), np.intp)
            for number, group in zip(numbers, self._groups):
                for segment in group:
                    number *= words
                    number += self.codes[:, segment]
            self._numbers = numbers
        return self._numbers

    def save(self, path):
        """Writes an .npz of plain arrays, whole or not at all."""
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with open(partial, "wb") as file:
                np.savez(file, kind="quantized", codes=self.codes, codebooks=self.codebooks)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)

    @classmethod
    def load(cls, path):
        """Reads what `save` wrote; ValueError for a file that is truncated or of another kind."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                kind, arrays = str(stored["kind"]), [stored["codes"], stored["codebooks"]]
        except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
            raise ValueError(f"`{path}` is no whole file of codes: {error}.") from error
        if kind != "quantized":
            raise ValueError(f"`{path}`: expected quantized codes. It holds {kind!r} ones.")
        return cls(*arrays)


def _groups(segments, words):
    """Neighbouring segments whose joint table has at most `LARGEST_TABLE` entries."""
    size = 1
    while words ** (size + 1) <= LARGEST_TABLE and words > 1:
        size += 1
    return [range(first, min(first + size, segments)) for first in range(0, segments, size)]
