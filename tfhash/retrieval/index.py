"""Search of codes through FAISS, which finds the nearest items much faster than a full ranking.

The index is made of the codes and the codebooks as they are; nothing is trained again. It orders
items of equal distance as it likes, where ranking.search keeps the order of the database.
"""

import numpy as np

from tfhash import files
from tfhash.retrieval import codes as kinds

FAST_SCAN_BITS = 4  # of a codebook, for which FAISS keeps look-up tables in registers
REFINED = 2  # candidates of the fast scan for each wanted item, whose exact distances are compared


def _faiss():
    try:
        import faiss
    except ImportError as error:
        raise ImportError("Searching needs FAISS: pip install faiss-cpu") from error
    return faiss


class Index:
    """The FAISS index of some codes.

    Args:
        codes: `BinaryCodes`, `QuantizedCodes`, `AdditiveCodes` (not by cosine) or `FloatCodes`.
        approximate: of `BinaryCodes`: looks only into hash buckets near the query's, for
            databases of many millions; finds most of the nearest items, not all.
        index: a FAISS index of these codes that is there already; None makes one.
    Raises:
        ValueError: codes that no index fits, or another number of codes than in `index`.
    """

    def __init__(self, codes, *, approximate=False, index=None):
        if approximate and not isinstance(codes, kinds.BinaryCodes):
            raise ValueError("Expected `BinaryCodes` for an approximate index.")
        self.codes = codes
        self.index = index or _build(codes, approximate)
        if self.index.ntotal != len(codes):
            raise ValueError(f"The index holds {self.index.ntotal} items, the codes {len(codes)}.")

    def search(self, queries, k):
        """The nearest items: index `[q, k]` int64 and distances `[q, k]`, those of the engine.

        Args:
            queries: what `codes.distances` takes.
            k: items for each query, at most as many as there are. An approximate index may find
                fewer, and fills up with -1.
        """
        k = min(k, len(self.codes))
        if k < 1:
            raise ValueError(f"Expected `k` >= 1. Received: {k}.")
        if isinstance(self.codes, kinds.BinaryCodes):
            words = np.ascontiguousarray(self.codes.query_words(queries)).view(np.uint8)
            distances, index = self.index.search(words, k)
            return index, distances
        vectors = kinds.vectors(queries, self.codes.dim)
        if isinstance(self.codes, kinds.FloatCodes) and self.codes.distance == "cosine":
            vectors = _normalized(vectors)
        found, index = self.index.search(vectors, k)
        return index, self._distances(found)

    def _distances(self, found):
        """What FAISS returns, products or squared distances, as the engine's distances."""
        if isinstance(self.codes, kinds.AdditiveCodes | kinds.FloatCodes):
            distance = self.codes.distance
            return {"inner_product": -found, "euclidean": found, "cosine": (1 - found) / 2}[
                distance
            ]
        return len(self.codes.codebooks) - found

    def save(self, path):
        """Writes the index in FAISS' own format, whole or not at all."""
        faiss, binary = _faiss(), isinstance(self.codes, kinds.BinaryCodes)
        with files.whole(path) as partial:
            (faiss.write_index_binary if binary else faiss.write_index)(self.index, str(partial))

    @classmethod
    def load(cls, path, codes):
        """Reads what `save` wrote of these codes; ValueError where it is something else."""
        faiss = _faiss()
        binary = isinstance(codes, kinds.BinaryCodes)
        try:
            index = (faiss.read_index_binary if binary else faiss.read_index)(str(path))
        except RuntimeError as error:
            raise ValueError(
                f"`{path}` is no whole FAISS index of {type(codes).__name__}."
            ) from error
        return cls(codes, index=index)


CODES = (kinds.BinaryCodes, kinds.QuantizedCodes, kinds.AdditiveCodes, kinds.FloatCodes)


def _build(codes, approximate):
    if isinstance(codes, kinds.BinaryCodes):
        return _binary(codes, approximate)
    if isinstance(codes, kinds.AdditiveCodes):
        return _additive(codes)
    if isinstance(codes, kinds.QuantizedCodes):
        return _product(codes)
    if isinstance(codes, kinds.FloatCodes):
        return _flat(codes)
    raise ValueError(f"No FAISS index fits {type(codes).__name__}. Use ranking.search.")


def _binary(codes, approximate):
    """Whole words of 64 bits: FAISS has no fast path for other lengths."""
    faiss = _faiss()
    words = codes.words.view(np.uint8)
    if approximate:
        # About one item a bucket, and the buckets that differ in up to two of these bits too.
        hashed = max(8, min(codes.bits, int(np.log2(max(len(codes), 2)))))
        index = faiss.IndexBinaryHash(8 * words.shape[1], hashed)
        index.nflip = 2
    else:
        index = faiss.IndexBinaryFlat(8 * words.shape[1])
        index.use_heap = False  # counting is faster than a heap where distances are few
    index.add(words)
    return index


def _padded(codebooks):
    """Codebooks with a power of two of codewords, and the bits of a number; FAISS has no others."""
    bits = max(1, int(codebooks.shape[1] - 1).bit_length())
    missing = 2**bits - codebooks.shape[1]
    return np.pad(codebooks, ((0, 0), (0, missing), (0, 0))), bits


def _product(codes):
    faiss = _faiss()
    codebooks, bits = _padded(codes.codebooks)
    exact = faiss.IndexPQ(codes.dim, len(codebooks), bits, faiss.METRIC_INNER_PRODUCT)
    faiss.copy_array_to_vector(codebooks.ravel(), exact.pq.centroids)
    exact.is_trained = True
    exact.add_sa_codes(faiss.pack_bitstrings(codes.codes.astype(np.int32), bits))
    if bits != FAST_SCAN_BITS or not len(codes):
        return exact
    index = faiss.IndexRefine(faiss.IndexPQFastScan(exact), exact)
    index.k_factor = REFINED
    return index


def _additive(codes):
    faiss = _faiss()
    codebooks, bits = _padded(codes.codebooks)
    if codes.distance == "cosine":
        raise ValueError("No FAISS index fits additive codes by cosine. Use ranking.search.")
    metric, kind = {
        "inner_product": (faiss.METRIC_INNER_PRODUCT, faiss.AdditiveQuantizer.ST_LUT_nonorm),
        "euclidean": (faiss.METRIC_L2, faiss.AdditiveQuantizer.ST_norm_float),
    }[codes.distance]
    index = faiss.IndexLocalSearchQuantizer(codes.dim, len(codebooks), bits, metric, kind)
    quantizer = index.lsq
    faiss.copy_array_to_vector(codebooks.ravel(), quantizer.codebooks)
    quantizer.is_trained = index.is_trained = True
    packed = np.empty((len(codes), quantizer.code_size), np.uint8)
    numbers = np.ascontiguousarray(codes.codes, np.int32)
    quantizer.pack_codes(
        len(codes), faiss.swig_ptr(numbers), faiss.swig_ptr(packed), -1, faiss.swig_ptr(codes.norms)
    )
    index.add_sa_codes(packed)
    return index


def _flat(codes):
    faiss = _faiss()
    if codes.distance == "euclidean":
        index = faiss.IndexFlatL2(codes.dim)
    else:
        index = faiss.IndexFlatIP(codes.dim)
    index.add(_normalized(codes.vectors) if codes.distance == "cosine" else codes.vectors)
    return index


def _normalized(vectors):
    norms = np.sqrt(np.maximum((vectors**2).sum(axis=1, keepdims=True), 1e-12))
    return np.ascontiguousarray(vectors / norms, np.float32)
