"""Product codes, compared with queries by look-up tables."""

import numpy as np

from tfhash.retrieval import base, inverted, lookup

FAST_SCAN_BITS = 4  # of a codebook, for which FAISS keeps look-up tables in registers
REFINED = 2  # candidates of the fast scan for each wanted item, whose exact distances are compared


class QuantizedCodes(base.Codes):
    """Product codes: a codeword number per segment, and the codebooks that queries look up.

    The distance of a float query q to a code is the sum over the segments of 1 - q_j . z, z the
    codeword: asymmetric, an inner product, and negative for long vectors. Equal codes have equal
    distances to the last bit. Queries that are codes themselves, of whatever codebooks, stand for
    the vectors they decode to: the symmetric distance.

    Args:
        codes: `[n, segments]` integers under `words`.
        codebooks: `[segments, words, length]` float32.
    Raises:
        ValueError: shapes or codes that do not fit each other, or NaN or infinity in a codebook.
    Original: youngkyunJang/GPQ, utils/RetrievalTest.py, pqDist.
    """

    kind = "quantized"
    has_index = True

    def __init__(self, codes, codebooks):
        self.codes, self.codebooks = _fitting(codes, codebooks)

    def __len__(self):
        return len(self.codes)

    def __getitem__(self, rows):
        return type(self)(self.codes[rows], self.codebooks)

    @property
    def bits(self):
        """Length of a code in bits."""
        count, words, _ = self.codebooks.shape
        return count * int(words - 1).bit_length()

    @property
    def dim(self):
        """Width of the vectors that the codes stand for."""
        return self.codebooks.shape[0] * self.codebooks.shape[2]

    def used(self):
        """The share of its words that each codebook has an item with: a list of floats."""
        return [len(np.unique(column)) / self.codebooks.shape[1] for column in self.codes.T]

    def usage(self):
        """The share of the words in use, by codebook."""
        return {f"codebook_use/{number}": share for number, share in enumerate(self.used())}

    def _vectors(self, rows):
        return self[rows].decode()

    def decode(self):
        """The vectors that the codes stand for, `[n, dim]` float32."""
        chosen = self.codebooks[np.arange(len(self.codebooks)), self.codes]
        return chosen.reshape(len(self), -1)

    def distances(self, queries):
        """Distances `[q, n]` float32 of float queries `[q, dim]`, or of codes that `decode`."""
        queries = base.query_vectors(queries, self.dim)
        segments, _, length = self.codebooks.shape
        parts = queries.reshape(-1, segments, length).transpose(1, 0, 2)
        tables = 1 - parts @ self.codebooks.transpose(0, 2, 1)  # (segments, q, words)
        return self._sums(tables)

    def _sums(self, tables):
        result = np.empty((tables.shape[1], len(self)), np.float32)
        return lookup.sums(self.codes, tables.transpose(1, 0, 2), result)

    def arrays(self):
        return {"codes": self.codes, "codebooks": self.codebooks}

    def collapse(self):
        alike = int((self.codes == self.codes[:1]).all(axis=0).sum())
        count, words, _ = self.codebooks.shape
        if words == 1 or alike <= count / 2:
            return None
        return f"{alike} of {count} codebooks have one word in use"

    def build_faiss(self, approximate=False):
        """An index of the codes and codebooks as they are; nothing is trained again."""
        faiss = base.import_faiss()
        return self._faiss_of(faiss.METRIC_INNER_PRODUCT, approximate)

    def _faiss_of(self, metric, approximate):
        faiss = base.import_faiss()
        codebooks, bits = padded(self.codebooks)
        sizes = (len(codebooks), bits, metric)
        packed = faiss.pack_bitstrings(self.codes.astype(np.int32), bits)
        if approximate and bits != FAST_SCAN_BITS and len(self):
            lists, centres = inverted.lists_of(len(self)), faiss.IndexFlat(self.dim, metric)
            index = faiss.IndexIVFPQ(centres, self.dim, lists, *sizes)
            index.by_residual = False
            return inverted.filled(_with_words(index, codebooks), self._vectors, packed)
        exact = _with_words(faiss.IndexPQ(self.dim, *sizes), codebooks)
        exact.add_sa_codes(packed)
        if bits != FAST_SCAN_BITS or not len(self):
            return exact
        index = faiss.IndexRefine(faiss.IndexPQFastScan(exact), exact)
        index.k_factor = REFINED
        return index

    def faiss_queries(self, queries):
        return base.query_vectors(queries, self.dim)

    def from_faiss(self, values):
        return len(self.codebooks) - values


def _with_words(index, codebooks):
    """A product index of FAISS with `[codebooks, words, length]` codebooks, trained by that."""
    base.import_faiss().copy_array_to_vector(codebooks.ravel(), index.pq.centroids)
    index.is_trained = True
    return index


def padded(codebooks):
    """Codebooks with a power of two of codewords, and the bits of a number; FAISS has no others."""
    bits = max(1, int(codebooks.shape[1] - 1).bit_length())
    missing = 2**bits - codebooks.shape[1]
    return np.pad(codebooks, ((0, 0), (0, missing), (0, 0))), bits


def _fitting(codes, codebooks):
    codes, codebooks = np.asarray(codes), np.asarray(codebooks, np.float32)
    if codes.ndim != 2 or codebooks.ndim != 3 or codes.shape[1] != len(codebooks):
        raise ValueError(
            "Expected `codes` [n, codebooks] and `codebooks` [codebooks, words, length]. "
            f"Received: {list(codes.shape)} and {list(codebooks.shape)}."
        )
    words = codebooks.shape[1]
    if codes.dtype.kind not in "ui" or (codes.size and not 0 <= codes.min() <= codes.max() < words):
        raise ValueError(
            f"Expected integer `codes` of 0 to {words - 1}. Received: {codes.dtype}"
            + (f" of {codes.min()} to {codes.max()}." if codes.size else ".")
        )
    if not np.isfinite(codebooks).all():
        raise ValueError("Expected finite `codebooks`. Received NaN or infinity.")
    return codes.astype(np.uint8 if words <= 256 else np.uint16, copy=False), codebooks
