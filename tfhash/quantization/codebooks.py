"""Codebooks of product, residual and additive quantizers, fitted and searched by FAISS.

Seed 0 gives what FAISS gives by itself.
References: Jégou et al., PAMI 2011 (PQ); Chen et al., Sensors 2010 (RQ); Martinez et al., ECCV
2018 (LSQ++).
"""

import functools

import numpy as np

from tfhash.lazy import faiss

KMEANS_SEED, LSQ_SEED = 1234, 0x12345  # FAISS' own


def fit_product(vectors, segments, bits, *, seed=0):
    """`[segments, words, length]` float32 by k-means on each segment of `[n, width]` vectors."""
    quantizer = faiss.ProductQuantizer(vectors.shape[1], segments, bits)
    quantizer.cp.seed = KMEANS_SEED + seed
    quantizer.cp.min_points_per_centroid = 1  # no line of FAISS' on few of them
    quantizer.train(vectors)
    return faiss.vector_to_array(quantizer.centroids).reshape(segments, 2**bits, -1)


def product_codes(vectors, codebooks):
    """The nearest word of each segment: `[n, segments]` int32."""
    segments, words, length = codebooks.shape
    bits = _bits(words)
    quantizer = faiss.ProductQuantizer(segments * length, segments, bits)
    faiss.copy_array_to_vector(np.ravel(codebooks), quantizer.centroids)
    return _numbers(quantizer, vectors, segments, bits)


def _residual(width, codebooks, bits, seed=0):
    quantizer = faiss.ResidualQuantizer(width, codebooks, bits)
    quantizer.cp.seed = KMEANS_SEED + seed
    quantizer.cp.min_points_per_centroid = 1
    return quantizer


def _local_search(width, codebooks, bits, seed=0):
    quantizer = faiss.LocalSearchQuantizer(width, codebooks, bits)
    quantizer.random_seed = LSQ_SEED + seed
    quantizer.nperts = min(quantizer.nperts, codebooks)  # FAISS refuses fewer codebooks than 4
    return quantizer


def _fit(make, vectors, codebooks, bits, *, seed=0):
    width = vectors.shape[1]
    quantizer = make(width, codebooks, bits, seed)
    quantizer.train(vectors)
    return faiss.vector_to_array(quantizer.codebooks).reshape(codebooks, 2**bits, width)


def _codes(make, vectors, codebooks):
    count, words, width = codebooks.shape
    quantizer = make(width, count, _bits(words))
    faiss.copy_array_to_vector(np.ravel(codebooks), quantizer.codebooks)
    quantizer.is_trained = True
    return _numbers(quantizer, vectors, count, _bits(words))


def _bits(words):
    return int(words - 1).bit_length()


def _numbers(quantizer, vectors, codebooks, bits):
    packed = quantizer.compute_codes(np.ascontiguousarray(vectors, np.float32))
    return faiss.unpack_bitstrings(packed, codebooks, bits)


# `[codebooks, words, width]` of `(vectors, codebooks, bits, seed=)`, and `[n, codebooks]` int32 of
# `(vectors, codebooks)`: by k-means on what the codebooks before leave, with a beam search; and
# by least squares, with a local search that draws at random, for all vectors of a call at once.
fit_residual = functools.partial(_fit, _residual)
residual_codes = functools.partial(_codes, _residual)
fit_local_search = functools.partial(_fit, _local_search)
local_search_codes = functools.partial(_codes, _local_search)
