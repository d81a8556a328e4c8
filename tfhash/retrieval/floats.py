"""Float vectors as they are."""

import numpy as np

from tfhash.retrieval import base, inverted, products


class FloatCodes(base.Codes):
    """Float vectors as they are, for retrieval by feature.

    Args:
        vectors: `[n, dim]` float.
        distance: "inner_product" is minus the product, "euclidean" the squared distance, which
            orders alike, "cosine" half of one minus the cosine.
    Raises:
        ValueError: NaN or infinite vectors, which are counted.
    Original: thulab/DeepHash, distance/npversion.py.
    """

    kind = "float"
    has_index = True

    def __init__(self, vectors, distance="inner_product"):
        self.vectors = base.finite(vectors, "vectors")
        self.distance = products.known(distance)
        self.norms = np.einsum("ij,ij->i", self.vectors, self.vectors)

    def __len__(self):
        return len(self.vectors)

    def __getitem__(self, rows):
        return FloatCodes(self.vectors[rows], self.distance)

    @property
    def dim(self):
        """Width of the vectors."""
        return self.vectors.shape[1]

    @property
    def bits(self):
        """Length of a vector in bits."""
        return 32 * self.vectors.shape[1]

    def decode(self):
        """The vectors themselves."""
        return self.vectors

    def distances(self, queries):
        """Distances `[q, n]` float32 of float queries `[q, dim]`, or of codes that `decode`."""
        queries = base.query_vectors(queries, self.dim)
        return products.distances(queries @ self.vectors.T, queries, self.norms, self.distance)

    def arrays(self):
        return {"vectors": self.vectors, "distance": np.str_(self.distance)}

    def build_faiss(self, approximate=False):
        """A flat index or, approximate, one of lists; of normalised vectors for the cosine."""
        faiss, vectors = base.import_faiss(), self._for_faiss(self.vectors)
        flat = (faiss.IndexFlatL2 if self.distance == "euclidean" else faiss.IndexFlatIP)(self.dim)
        if approximate and len(self):
            lists = inverted.lists_of(len(self))
            index = faiss.IndexIVFFlat(flat, self.dim, lists, flat.metric_type)
            return inverted.filled(index, vectors.__getitem__, vectors.view(np.uint8))
        flat.add(vectors)
        return flat

    def faiss_queries(self, queries):
        return self._for_faiss(base.query_vectors(queries, self.dim))

    def _for_faiss(self, vectors):
        return products.normalized(vectors) if self.distance == "cosine" else vectors

    def from_faiss(self, values):
        return products.from_faiss(values, self.distance)
