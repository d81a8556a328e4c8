"""Additive codes, sums of codewords, compared with queries by look-up tables."""

import numpy as np

from tfhash.retrieval import base, inverted, products, quantized


class AdditiveCodes(quantized.QuantizedCodes):
    """Additive codes: the sum of a codeword of each codebook, every one as wide as the vector.

    Inner products with a query are look-ups; a norm, kept with each item, makes Euclidean and
    cosine distances of them. Queries are floats, or codes for the symmetric distance.

    Args:
        codes: `[n, codebooks]` integers under `words`.
        codebooks: `[codebooks, words, dim]` float32.
        distance: one of `products.DISTANCES`; see `FloatCodes`.
    """

    kind = "additive"

    def __init__(self, codes, codebooks, distance="inner_product"):
        super().__init__(codes, codebooks)
        self.distance = products.known(distance)
        self.norms = self._squared_norms()

    def __getitem__(self, rows):
        return AdditiveCodes(self.codes[rows], self.codebooks, self.distance)

    @property
    def dim(self):
        """Width of the vectors that the codes stand for."""
        return self.codebooks.shape[2]

    @property
    def has_index(self):
        """Whether a FAISS index has these distances: none has the cosine of a sum."""
        return self.distance != "cosine"

    @property
    def item_bytes(self):
        """Of the numbers, and of the norm where a distance needs it."""
        norm = self.norms.itemsize if self.distance != "inner_product" else 0
        return super().item_bytes + norm

    def decode(self):
        """The vectors that the codes stand for, `[n, dim]` float32."""
        result = np.zeros((len(self), self.dim), np.float32)
        for codebook, chosen in zip(self.codebooks, self.codes.T):
            result += codebook[chosen]
        return result

    def distances(self, queries):
        """Distances `[q, n]` float32 of float queries `[q, dim]`, or of codes that `decode`."""
        queries = base.query_vectors(queries, self.dim)
        inner = self._sums(queries @ self.codebooks.transpose(0, 2, 1))
        return products.distances(inner, queries, self.norms, self.distance)

    def _squared_norms(self):
        """`[n]` float32, by look-ups too: equal codes have equal norms to the last bit."""
        norms = np.zeros(len(self))
        books = self.codebooks.astype(np.float64)
        for first, one in enumerate(self.codes.T):
            norms += (books[first] ** 2).sum(axis=1)[one]
            for second in range(first):
                norms += 2 * (books[first] @ books[second].T)[one, self.codes[:, second]]
        return norms.astype(np.float32)

    def arrays(self):
        return super().arrays() | {"distance": np.str_(self.distance)}

    def statistics(self, outputs):
        """The mean squared distance of the outputs to the vectors that their codes stand for."""
        error = ((outputs - self.decode()) ** 2).sum(axis=1).mean()
        return {"quantization_error": float(error)}

    def build_faiss(self, approximate=False):
        """An index of the codes, codebooks and norms as they are; nothing is trained again."""
        if not self.has_index:
            raise ValueError("No FAISS index has the cosine of AdditiveCodes. Use ranking.search.")
        faiss = base.import_faiss()
        codebooks, bits = quantized.padded(self.codebooks)
        metric, search_type = {
            "inner_product": (faiss.METRIC_INNER_PRODUCT, faiss.AdditiveQuantizer.ST_LUT_nonorm),
            "euclidean": (faiss.METRIC_L2, faiss.AdditiveQuantizer.ST_norm_float),
        }[self.distance]
        sizes = (len(codebooks), bits, metric, search_type)
        if approximate and len(self):
            centres, lists = faiss.IndexFlat(self.dim, metric), inverted.lists_of(len(self))
            index = faiss.IndexIVFLocalSearchQuantizer(centres, self.dim, lists, *sizes)
            index.by_residual = False
            packed = self._packed(_with_words(index, codebooks))
            return inverted.filled(index, self._vectors, packed)
        index = faiss.IndexLocalSearchQuantizer(self.dim, *sizes)
        index.add_sa_codes(self._packed(_with_words(index, codebooks)))
        return index

    def _packed(self, quantizer):
        """The codes as a quantizer of FAISS stores them, `[n, code_size]` uint8."""
        faiss = base.import_faiss()
        packed = np.empty((len(self), quantizer.code_size), np.uint8)
        numbers = np.ascontiguousarray(self.codes, np.int32)
        addresses = (faiss.swig_ptr(array) for array in (numbers, packed))
        quantizer.pack_codes(len(self), *addresses, -1, faiss.swig_ptr(self.norms))
        return packed

    def from_faiss(self, values):
        return products.from_faiss(values, self.distance)


def _with_words(index, codebooks):
    """The quantizer of an additive index of FAISS, trained by `[codebooks, words, dim]`."""
    base.import_faiss().copy_array_to_vector(codebooks.ravel(), index.lsq.codebooks)
    index.lsq.is_trained = index.is_trained = True
    return index.lsq
