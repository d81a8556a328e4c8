"""Packed bits, compared by their Hamming distance."""

import numpy as np

from tfhash.retrieval import base, hamming, inverted
from tfhash.retrieval import bits as bit_statistics


class BinaryCodes(base.Codes):
    """Bits, packed in words of 64; their distance is Hamming's.

    Args:
        words: `[n, words]` uint64, as `hamming.pack` makes them; unused bits are zeros.
        bits: length of a code.
    """

    kind = "binary"
    hamming = True
    has_index = True
    faiss_binary = True

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
        return cls.from_bits(base.finite(outputs, "outputs") >= 0)

    def unpack(self):
        """`[n, bits]` uint8 of 0 and 1."""
        return hamming.unpack(self.words, self.bits)

    def __len__(self):
        return len(self.words)

    def __getitem__(self, rows):
        return type(self)(self.words[rows], self.bits)

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

    def statistics(self, outputs):
        """How many codes differ, the entropy of a bit and, of outputs as wide as the codes, their
        distance to the signs."""
        values = {
            "distinct_codes": bit_statistics.distinct(self.words),
            "bit_entropy": float(bit_statistics.entropy(self.unpack()).mean()),
        }
        if outputs.shape[1] == self.bits:
            values["sign_error"] = bit_statistics.sign_error(outputs)
        return values

    def usage(self):
        """How evenly the bits are 0 and 1."""
        return {"bits_balanced": bit_statistics.balance(self.unpack())}

    def collapse(self):
        alike = (self.words == self.words[:1]).all()
        return f"all {len(self)} items have the same code" if alike else None

    def build_faiss(self, approximate=False):
        """A flat index or, approximate, one of lists of items."""
        if approximate and len(self):
            return inverted.of_words(self.words)
        words = self.words.view(np.uint8)
        # Whole words of 64 bits: FAISS has no fast path for other lengths.
        index = base.import_faiss().IndexBinaryFlat(8 * words.shape[1])
        index.use_heap = False  # counting is faster than a heap where distances are few
        index.add(words)
        return index

    def faiss_queries(self, queries):
        return np.ascontiguousarray(self.query_words(queries)).view(np.uint8)
