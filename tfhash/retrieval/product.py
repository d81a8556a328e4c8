"""Product codes, compared with queries by their Euclidean distance."""

from tfhash.retrieval import base, quantized


class ProductCodes(quantized.QuantizedCodes):
    """Product codes whose distance is the squared Euclidean one of a query to what they stand for.

    Args:
        codes: `[n, segments]` integers under `words`.
        codebooks: `[segments, words, length]` float32.
    Reference: Jégou, Douze & Schmid, PAMI 2011.
    """

    kind = "product"

    def distances(self, queries):
        """Distances `[q, n]` float32 of float queries `[q, dim]`, or of codes that `decode`."""
        queries = base.query_vectors(queries, self.dim)
        segments, _, length = self.codebooks.shape
        parts = queries.reshape(-1, segments, length).transpose(1, 0, 2)
        tables = parts @ self.codebooks.transpose(0, 2, 1) * -2  # (segments, q, words)
        tables += (self.codebooks**2).sum(axis=2)[:, None]
        tables += (parts**2).sum(axis=2)[:, :, None]
        return self._sums(tables)

    def build_faiss(self, approximate=False):
        """An index of the codes and codebooks as they are; nothing is trained again."""
        faiss = base.import_faiss()
        return self._faiss_of(faiss.METRIC_L2, approximate)

    def from_faiss(self, values):
        return values
