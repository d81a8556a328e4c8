"""RaBitQ's codes: a bit for each dimension, and two floats that make of the bits a distance.

Reference: Gao & Long, SIGMOD 2024.
"""

import numpy as np

from tfhash.retrieval import base

FACTORS = 64  # bits of the two floats


class RaBitQCodes(base.Codes):
    """Signs around a centre, compared with float queries by an estimate of the Euclidean distance.

    An item is at |q - c|^2 + f - 2 g (q - c) . s / sqrt(dim) of a query q; c is the centre, s the
    signs of -1 and 1, f and g the factors of the item. Under 0 it is 0.

    Args:
        signs: `[n, bytes]` uint8, a bit for each dimension, the first in the lowest.
        factors: `[n, 2]` float32, f and g.
        center: `[dim]` float32.
    Raises:
        ValueError: shapes that do not fit each other, or values that are not finite.
    """

    kind = "rabitq"
    has_index = True
    has_approximate = False

    def __init__(self, signs, factors, center):
        signs, center = np.ascontiguousarray(signs), np.asarray(center, np.float32)
        factors = base.finite(factors, "factors")
        wide = (len(factors), -(-center.size // 8))
        if signs.dtype != np.uint8 or signs.shape != wide or factors.shape[1] != 2:
            raise ValueError(
                f"Expected `signs` uint8 {list(wide)} and `factors` [n, 2] for a centre of "
                f"{center.size} dimensions. Received: {signs.dtype} {list(signs.shape)}, "
                f"{list(factors.shape)}."
            )
        self.signs, self.factors = signs, factors
        self.center = base.finite(center[None], "center")[0]
        self._directions = None  # of `decode`, once they are needed

    @classmethod
    def from_vectors(cls, vectors, center):
        """The codes of `[n, dim]` vectors around a `[dim]` centre, as FAISS makes them."""
        vectors = np.ascontiguousarray(base.finite(vectors, "vectors"))
        packed = _index(center).sa_encode(vectors)
        signs, factors = np.split(packed, [packed.shape[1] - FACTORS // 8], axis=1)
        return cls(signs, np.ascontiguousarray(factors).view(np.float32), center)

    def __len__(self):
        return len(self.signs)

    def __getitem__(self, rows):
        return RaBitQCodes(self.signs[rows], self.factors[rows], self.center)

    @property
    def dim(self):
        """Width of the vectors."""
        return len(self.center)

    @property
    def bits(self):
        """Length of a code in bits, with its two floats."""
        return self.dim + FACTORS

    def decode(self):
        """`[n, dim]` float32, vectors whose inner products with a query estimate the items'."""
        return self.center + self._around()

    def _around(self):
        """`decode` less the centre."""
        if self._directions is None:
            bits = np.unpackbits(self.signs, axis=1, count=self.dim, bitorder="little")
            scale = self.factors[:, 1:] / np.sqrt(np.float32(self.dim))
            self._directions = (bits * np.float32(2) - 1) * scale
        return self._directions

    def distances(self, queries):
        """Distances `[q, n]` float32 of float queries `[q, dim]`, or of codes that `decode`."""
        queries = base.query_vectors(queries, self.dim) - self.center
        result = queries @ self._around().T
        result *= -2
        result += self.factors[:, 0]
        result += np.einsum("ij,ij->i", queries, queries)[:, None]
        return np.maximum(result, 0, out=result)

    def arrays(self):
        return {"signs": self.signs, "factors": self.factors, "center": self.center}

    def build_faiss(self, approximate=False):
        """An index of the codes as they are. FAISS' approximate one has a centre for each list."""
        if approximate:
            raise ValueError("RaBitQCodes have one centre, and no approximate FAISS index.")
        index = _index(self.center)
        packed = np.concatenate([self.signs, self.factors.view(np.uint8)], axis=1)
        index.add_sa_codes(np.ascontiguousarray(packed))
        return index

    def faiss_queries(self, queries):
        return np.ascontiguousarray(base.query_vectors(queries, self.dim))


def _index(center):
    """An empty FAISS index of vectors around a centre, for float queries."""
    faiss = base.import_faiss()
    made = faiss.IndexRaBitQ(len(center), faiss.METRIC_L2)
    faiss.copy_array_to_vector(np.ascontiguousarray(center, np.float32), made.center)
    made.is_trained, made.qb = True, 0
    return made
