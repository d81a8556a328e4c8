"""Product quantization of a vector in segments: normalisation, soft and hard assignment.

A vector `[..., segments * length]` is `segments` sub-vectors side by side. Codebooks lie as the
original keeps them: `[words, segments * length]`, one codeword of every codebook in a row.
Reference: Jang & Cho, CVPR 2020; youngkyunJang/GPQ, utils/Functions.py and RetrievalTest.py.
"""

from tfhash.lazy import tf


def split(vectors, segments):
    """`[n, segments * length]` -> `[n, segments, length]`."""
    return tf.reshape(vectors, [-1, segments, vectors.shape[-1] // segments])


def intra_normalize(vectors, segments):
    """L2-normalises each of the `segments` sub-vectors of `[n, dim]`; the result has that shape.

    A sub-vector of squared length under 1e-12 is divided by 1e-6 instead of its length.
    Original: Intra_Norm.
    """
    normal = tf.math.l2_normalize(split(vectors, segments), axis=-1, epsilon=1e-12)
    return tf.reshape(normal, [-1, vectors.shape[-1]])


def soft_assign(codebooks, vectors, segments, *, alpha):
    """Replaces each sub-vector by a softmax-weighted mean of its codebook's words.

    The weight of word `z` for sub-vector `x` is softmax(-alpha (1 - x . z)) over the words.

    Args:
        codebooks: `[words, dim]` float.
        vectors: `[n, dim]` float.
        segments: number of codebooks; divides `dim`.
        alpha: inverse temperature; > 0. Larger is closer to the nearest word.
    Returns:
        `[n, dim]`, intra-normalised.
    Original: Soft_Assignment (its z_ and x_).
    """
    words = split(codebooks, segments)  # (words, segments, length)
    products = tf.einsum("nsl,wsl->snw", split(vectors, segments), words)
    weights = tf.nn.softmax(-alpha * (1 - products), axis=-1)
    means = tf.einsum("snw,wsl->nsl", weights, words)
    return intra_normalize(tf.reshape(means, [-1, vectors.shape[-1]]), segments)


def hard_assign(codebooks, vectors, segments):
    """Index of the word of largest inner product with each sub-vector: `[n, segments]` int32.

    The words are intra-normalised first and the vectors are not. The first of equal words wins.
    Original: Indexing.
    """
    words = split(intra_normalize(codebooks, segments), segments)
    products = tf.einsum("nsl,wsl->nsw", split(vectors, segments), words)
    return tf.argmax(products, axis=-1, output_type=tf.int32)


def segment_logits(vectors, prototypes, segments, *, scale):
    """Mean over the segments of the inner products of scaled sub-vectors: `[n, classes]`.

    Args:
        vectors: `[n, dim]` float.
        prototypes: `[classes, dim]` float.
        segments: number of sub-vectors; divides `dim`.
        scale: factor on both sides, the original's beta.
    The mean of the segments' products is the product of the whole vectors over `segments`.
    Original: GPQ.C and SME_loss.
    """
    return tf.matmul(scale * vectors, scale * prototypes, transpose_b=True) / segments
