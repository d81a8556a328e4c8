"""Additive codes: the sum of a centre of each codebook, every one as wide as the output."""

import numpy as np

from tfhash.heads import base
from tfhash.lazy import keras
from tfhash.quantization import composite
from tfhash.retrieval import codes as kinds


class Additive(base.Head):
    """Codes by composite quantization; a test compares floats, floats with codes, and codes.

    The centres, "C" `[codebooks * words, dim]`, belong to the model. They change between steps,
    by k-means and least squares, and never by the gradient.

    Args:
        linear, activation: as in `Head`.
        codebooks, words, dim: sizes of the centres.
        sweeps: over the codebooks when codes are updated.
        rounds: of codes and centres in an update.
        dtype: of the centres.
        word_vectors: `() -> [classes, dim]` float32 that distances are measured by; None for
            Euclidean distances.
    """

    missing, own = "skip", "mAP_AQD"

    def __init__(
        self,
        linear,
        *,
        activation=None,
        codebooks,
        words,
        dim,
        sweeps,
        rounds,
        dtype,
        word_vectors=None,
    ):
        super().__init__(linear, activation=activation)
        self.codebooks, self.words, self.dim = codebooks, words, dim
        self.sweeps, self.rounds, self.dtype = sweeps, rounds, dtype
        self.word_vectors = word_vectors or (lambda: None)

    def build_weights(self):
        self.centers = keras.Variable(
            keras.initializers.RandomUniform(-1, 1),
            shape=(self.codebooks * self.words, self.dim),
            dtype=self.dtype,
            trainable=False,
            name="centers",
        )
        return {"C": self.centers}

    def initial_centers(self, outputs, *, seed):
        """Centres of `[n, dim]` outputs by k-means."""
        return composite.initial_centers(outputs, self.codebooks, self.words, seed=seed)

    def assign(self, outputs, centers, *, seed):
        """The codes `[n, codebooks]` of `[n, dim]` outputs by given centres."""
        visits = composite.orders(self.codebooks, self.sweeps, seed=seed)
        return composite.assign(outputs, centers, visits, word_vectors=self.word_vectors())

    def fit(self, outputs, centers, *, seed):
        """Codes and centres of `[n, dim]` outputs in turns, from given centres."""
        options = {"rounds": self.rounds, "sweeps": self.sweeps, "seed": seed}
        words = self.word_vectors()
        return composite.fit(outputs, centers, self.codebooks, word_vectors=words, **options)

    def codes(self, outputs):
        centers = self.centers.numpy()
        return self.additive(self.assign(outputs, centers, seed=0), centers)

    def additive(self, numbers, centers):
        """`AdditiveCodes` of codes and the centres that they choose from."""
        codebooks = np.reshape(centers, (self.codebooks, -1, self.dim))
        return kinds.AdditiveCodes(numbers, codebooks, "inner_product")

    def quantized(self, outputs, codes):
        """The codes of queries' outputs, by the centres of a database's codes."""
        centers = codes.codebooks.reshape(-1, codes.dim)
        return self.additive(self.assign(outputs, centers, seed=0), centers)

    def comparisons(self, query, database, codes):
        """By inner product: outputs; queries' outputs and the database's reconstruction (AQD);
        both reconstructions (SQD)."""
        return {
            "mAP_by_feature": base.Comparison(kinds.FloatCodes(database.outputs), query.outputs),
            "mAP_AQD": base.Comparison(codes, query.outputs),
            "mAP_SQD": base.Comparison(codes, self.quantized(query.outputs, codes)),
        }


class Refitted(Additive):
    """Additive codes by centres that are fitted to the very outputs that are coded.

    The centres of the model stay as they are, and code what is less than a codebook.
    Original: thulab/DeepHash, model/dtq/dtq.py, validation.
    """

    def codes(self, outputs):
        if len(outputs) < self.words:
            return super().codes(outputs)
        centers = self.initial_centers(outputs, seed=(0,))
        return self.additive(*self.fit(outputs, centers, seed=(0,)))

    def indexed(self, outputs):
        return super().codes(outputs)
