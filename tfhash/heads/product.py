"""Product codes: a codeword for each segment of the output."""

import numpy as np

from tfhash.heads import base
from tfhash.lazy import keras, tf
from tfhash.quantization import product
from tfhash.retrieval import codes as kinds


class Product(base.Head):
    """Codes by the nearest codeword of each segment; queries are compared as floats.

    The codebooks, "codebooks" `[words, segments * length]`, are trained with the network.

    Args:
        linear: as in `Head`.
        segments: codebooks.
        bits: of a codeword's number; 1 to 8.
        dim: width of the outputs.
        dtype: of the codebooks.
    """

    def __init__(self, linear, *, segments, bits, dim, dtype):
        super().__init__(linear)
        self.segments, self.words, self.dim, self.dtype = segments, 2**bits, dim, dtype

    def build_weights(self):
        self.codebooks = keras.Variable(
            keras.initializers.GlorotUniform(),
            shape=(self.words, self.dim),
            dtype=self.dtype,
            name="codebooks",
        )
        return {"codebooks": self.codebooks}

    def codes(self, outputs):
        words = tf.convert_to_tensor(self.codebooks)
        blocks = np.array_split(outputs, max(1, len(outputs) // 65536))
        numbers = [product.hard_assign(words, block, self.segments).numpy() for block in blocks]
        # The raw codebooks serve the query side, as in PQ_retrieval; only assignment normalises.
        books = product.split(words, self.segments).numpy().transpose(1, 0, 2)
        return kinds.QuantizedCodes(np.concatenate(numbers).astype(np.uint8), books)

    def features(self, outputs):
        # Of segments of length 1, since the codewords that stand for them are assigned so.
        return kinds.FloatCodes(product.intra_normalize(outputs, self.segments).numpy())
