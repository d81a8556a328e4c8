"""The codes of a database, and the distances of queries to them.

Every kind has `len`, `bits`, `distances(queries)`, slices, and `save` and `load` of an .npz file
without pickled objects. Distances are `[q, n]`; smaller is nearer.
"""

import numpy as np

from tfhash.retrieval import hamming, lookup, order, stored

DISTANCES = ("inner_product", "euclidean", "cosine")


class BinaryCodes(stored.Stored):
    """Bits, packed in words of 64; their distance is Hamming's.

    Args:
        words: `[n, words]` uint64, as `hamming.pack` makes them; unused bits are zeros.
        bits: length of a code.
    """

    kind = "binary"

    def __init__(self, words, bits):
        words = np.ascontiguousarray(words)
        bits = int(bits)
        if words.dtype != np.uint64 or words.ndim != 2 or words.shape[1] != -(-bits // 64):
            raise ValueError(
                f"Expected `words` [n, {-(-bits // 64)}] uint64 for codes of {bits} bits. "
                f"Received: {list(words.shape)} {words.dtype}."
            )
        self.words, self.bits = words, bits

    @classmethod
    def from_bits(cls, bits):
        """From `[n, bits]` 0/1."""
        bits = np.asarray(bits)
        return cls(hamming.pack(bits != 0), bits.shape[1])

    @classmethod
    def from_signs(cls, outputs):
        """From `[n, bits]` float outputs: 1 where one is 0 or more, so that sign(0) = +1."""
        return cls.from_bits(finite(outputs, "outputs") >= 0)

    def unpack(self):
        """`[n, bits]` uint8 of 0 and 1."""
        return hamming.unpack(self.words, self.bits)

    def __len__(self):
        return len(self.words)

    def __getitem__(self, rows):
        return BinaryCodes(self.words[rows], self.bits)

    def query_words(self, queries):
        """The packed words of queries; ValueError where they are of another length."""
        if not isinstance(queries, BinaryCodes) or queries.bits != self.bits:
            raise ValueError(
                f"Expected queries as `BinaryCodes` of {self.bits} bits. Received: "
                f"{getattr(queries, 'bits', None)} bits in {type(queries).__name__}."
            )
        return queries.words

    def distances(self, queries):
        """Hamming distances `[q, n]` uint8, or uint16 over 255 bits, to other `BinaryCodes`."""
        words = self.query_words(queries)
        result = np.empty((len(words), len(self)), hamming.distance_type(self.bits))
        different = np.empty(len(self), np.uint64)
        for query, row in zip(words, result):
            hamming.distances(self.words, query, row, different)
        return result

    def arrays(self):
        return {"words": self.words, "bits": np.int64(self.bits)}


class BucketCodes(BinaryCodes):
    """k of d buckets that each item lies in: bit j is bucket j.

    The Hamming distance is twice the number of buckets that are not shared.
    """

    kind = "buckets"

    def __init__(self, words, bits):
        super().__init__(words, bits)
        counts = np.bitwise_count(self.words).sum(axis=1)
        if len(self) and counts.min() != counts.max():
            raise ValueError(
                "Expected every item in the same number of buckets. "
                f"Received: {counts.min()} to {counts.max()}."
            )

    @classmethod
    def from_values(cls, values, k):
        """The `k` largest of `[n, d]` values, always exactly k: the first ones of a tie.

        Original: maestrojeong/Deep-Hash-Table-ICML18, utils/np_op.py, activate_k_2D.
        """
        values = finite(values, "values")
        if not 0 < k <= values.shape[1]:
            raise ValueError(f"Expected `k` in 1 to {values.shape[1]} buckets. Received: {k}.")
        chosen = np.argsort(-values, axis=1, kind="stable")[:, :k]
        bits = np.zeros(values.shape, bool)
        np.put_along_axis(bits, chosen, True, axis=1)
        return cls.from_bits(bits)

    def __getitem__(self, rows):
        return BucketCodes(self.words[rows], self.bits)


class QuantizedCodes(stored.Stored):
    """Product codes: a codeword number per segment, and the codebooks that queries look up.

    The distance of a float query q to a code is the sum over the segments of 1 - q_j . z, z the
    codeword: asymmetric, an inner product, and negative for long vectors. Equal codes have equal
    distances to the last bit. Queries that are product codes themselves, of whatever codebooks,
    stand for the vectors they decode to: the symmetric distance.

    Args:
        codes: `[n, segments]` integers under `words`.
        codebooks: `[segments, words, length]` float32.
    Raises:
        ValueError: shapes or codes that do not fit each other.
    Original: youngkyunJang/GPQ, utils/RetrievalTest.py, pqDist.
    """

    kind = "quantized"

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

    def decode(self):
        """The vectors that the codes stand for, `[n, dim]` float32."""
        chosen = self.codebooks[np.arange(len(self.codebooks)), self.codes]
        return chosen.reshape(len(self), -1)

    def distances(self, queries):
        """Distances `[q, n]` float32 of float queries `[q, dim]`, or of `QuantizedCodes`."""
        queries = vectors(queries, self.dim)
        segments, _, length = self.codebooks.shape
        parts = queries.reshape(-1, segments, length).transpose(1, 0, 2)
        tables = 1 - parts @ self.codebooks.transpose(0, 2, 1)  # (segments, q, words)
        return self._sums(tables)

    def _sums(self, tables):
        result = np.empty((tables.shape[1], len(self)), np.float32)
        return lookup.sums(self.codes, tables.transpose(1, 0, 2), result)

    def arrays(self):
        return {"codes": self.codes, "codebooks": self.codebooks}


class AdditiveCodes(QuantizedCodes):
    """Additive codes: the sum of a codeword of each codebook, every one as wide as the vector.

    Inner products with a query are look-ups; a norm, kept with each item, makes Euclidean and
    cosine distances of them. Queries are floats, or codes for the symmetric distance.

    Args:
        codes: `[n, codebooks]` integers under `words`.
        codebooks: `[codebooks, words, dim]` float32.
        distance: one of `DISTANCES`; see `FloatCodes`.
    """

    kind = "additive"

    def __init__(self, codes, codebooks, distance="inner_product"):
        super().__init__(codes, codebooks)
        self.distance = _known(distance)
        self.norms = self._squared_norms()

    def __getitem__(self, rows):
        return AdditiveCodes(self.codes[rows], self.codebooks, self.distance)

    @property
    def dim(self):
        """Width of the vectors that the codes stand for."""
        return self.codebooks.shape[2]

    def decode(self):
        """The vectors that the codes stand for, `[n, dim]` float32."""
        result = np.zeros((len(self), self.dim), np.float32)
        for codebook, chosen in zip(self.codebooks, self.codes.T):
            result += codebook[chosen]
        return result

    def distances(self, queries):
        """Distances `[q, n]` float32 of float queries `[q, dim]`, or of `AdditiveCodes`."""
        queries = vectors(queries, self.dim)
        products = self._sums(queries @ self.codebooks.transpose(0, 2, 1))
        return _from_products(products, queries, self.norms, self.distance)

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


class FloatCodes(stored.Stored):
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

    def __init__(self, vectors, distance="inner_product"):
        self.vectors = finite(vectors, "vectors")
        self.distance = _known(distance)
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

    def distances(self, queries):
        """Distances `[q, n]` float32 of float queries `[q, dim]`, or of `FloatCodes`."""
        queries = vectors(queries, self.dim)
        return _from_products(queries @ self.vectors.T, queries, self.norms, self.distance)

    def arrays(self):
        return {"vectors": self.vectors, "distance": np.str_(self.distance)}


class RerankedCodes:
    """Binary codes with features that order the items of equal Hamming distance.

    Database and queries are both `RerankedCodes`. The distances are integers that only order.

    Args:
        codes: `BinaryCodes`.
        features: `FloatCodes` of the same items.
    Original: thulab/DeepHash, evaluation/__init__.py, get_mAPs_after_sign_with_feature_rerank.
    """

    def __init__(self, codes, features):
        if len(codes) != len(features):
            raise ValueError(
                f"Expected as many features as codes. Received: {len(features)}, {len(codes)}."
            )
        self.codes, self.features, self.bits = codes, features, codes.bits

    def __len__(self):
        return len(self.codes)

    def __getitem__(self, rows):
        return RerankedCodes(self.codes[rows], self.features[rows])

    def distances(self, queries):
        """`[q, n]` uint64: the Hamming distance above the order of the features' distance."""
        higher = order.ordered(self.features.distances(queries.features)).astype(np.uint64)
        return higher | self.codes.distances(queries.codes).astype(np.uint64) << np.uint64(32)


def finite(vectors, name):
    """`vectors` as float32; ValueError that counts the rows with NaN or infinity."""
    vectors = np.asarray(vectors, np.float32)
    if vectors.ndim != 2:
        raise ValueError(f"Expected `{name}` [n, dim]. Received: {list(vectors.shape)}.")
    bad = int((~np.isfinite(vectors)).any(axis=1).sum())
    if bad:
        raise ValueError(
            f"Expected finite `{name}`. Received NaN or infinity in {bad} of {len(vectors)} rows."
        )
    return vectors


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
    return codes.astype(np.uint8 if words <= 256 else np.uint16, copy=False), codebooks


def vectors(queries, dim):
    """The float vectors `[q, dim]` float32 that queries are or stand for."""
    if isinstance(queries, QuantizedCodes):
        queries = queries.decode()
    elif isinstance(queries, FloatCodes):
        queries = queries.vectors
    queries = finite(queries, "queries")
    if queries.shape[1] != dim:
        raise ValueError(f"Expected `queries` [q, {dim}]. Received: {list(queries.shape)}.")
    return queries


def _known(distance):
    if distance not in DISTANCES:
        raise ValueError(f"Expected `distance` of {DISTANCES}. Received: {distance!r}.")
    return str(distance)


def _from_products(products, queries, norms, distance):
    """Distances from inner products `[q, n]`, which are overwritten, and squared norms `[n]`."""
    if distance == "inner_product":
        return np.negative(products, out=products)
    own = np.einsum("ij,ij->i", queries, queries)[:, None]
    if distance == "euclidean":
        products *= -2
        products += own
        products += norms
        return products
    products /= np.sqrt(np.maximum(own, np.float32(1e-12)))
    products /= np.sqrt(np.maximum(norms, np.float32(1e-12)))
    np.subtract(1, products, out=products)
    products /= 2
    return products
