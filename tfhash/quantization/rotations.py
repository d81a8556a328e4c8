"""Linear maps whose signs are bits, fitted by FAISS: PCA, random rotations, ITQ.

A map is `{"mean": [width], "matrix": [bits, width], "bias": [bits]}` float32. Seed 0 gives what
FAISS gives by itself.
References: Charikar, STOC 2002 (LSH); Gong & Lazebnik, CVPR 2011 (ITQ).
"""

import numpy as np

from tfhash.lazy import faiss

LSH_SEED, ITQ_SEED = 5, 123  # FAISS' own


def pca(vectors, bits, *, rotated=False):
    """The first `bits` principal components; `rotated`: then a random rotation of them."""
    map = faiss.PCAMatrix(vectors.shape[1], bits, 0, rotated)
    map.train(vectors)
    return _arrays(map, vectors.shape[1], bits, bias=map.b)


def lsh(width, bits, *, seed=0):
    """A random rotation of vectors of `width`, or more bits than that of random directions."""
    map = faiss.RandomRotationMatrix(width, bits)
    map.init(LSH_SEED + seed)
    return _arrays(map, width, bits)


def itq(vectors, bits, *, seed=0):
    """Principal components of centred vectors of length 1, rotated so that signs lose least."""
    map = faiss.ITQTransform(vectors.shape[1], bits, True)
    map.itq.seed = ITQ_SEED + seed
    map.train(vectors)
    return _arrays(map.pca_then_itq, vectors.shape[1], bits, mean=map.mean)


def opq(vectors, segments, bits):
    """The rotation after which product quantization with so many segments loses least.

    Where the width is no multiple of `segments`, to the largest width that is. As FAISS, for
    codewords of 8 bits, but of `bits` where there are too few vectors.
    Reference: Ge et al., CVPR 2013.
    """
    width = vectors.shape[1]
    kept = width - width % segments
    map = faiss.OPQMatrix(width, segments, kept)
    quantizer = faiss.ProductQuantizer(kept, segments, 8 if len(vectors) >= 2**8 else bits)
    quantizer.cp.min_points_per_centroid = 1  # no line of FAISS' on few of them
    map.pq = quantizer
    map.train(vectors)
    return _arrays(map, width, kept)


def _arrays(map, width, bits, *, mean=None, bias=None):
    return {
        "mean": np.zeros(width, np.float32) if mean is None else faiss.vector_to_array(mean),
        "matrix": faiss.vector_to_array(map.A).reshape(bits, width),
        "bias": np.zeros(bits, np.float32) if bias is None else faiss.vector_to_array(bias),
    }


def apply(vectors, mean, matrix, bias, *, normalized=False):
    """`[n, width]` -> `[n, bits]` float32, to the last bit as FAISS.

    Args:
        vectors: `[n, width]` float32.
        mean, matrix, bias: the map.
        normalized: takes off the mean and divides by the length first, as ITQ does.
    """
    bits, width = matrix.shape
    vectors = np.ascontiguousarray(vectors, np.float32)
    if normalized:
        map = faiss.ITQTransform(width, bits, True)
        faiss.copy_array_to_vector(mean, map.mean)
        linear = map.pca_then_itq
    else:
        map = linear = faiss.LinearTransform(width, bits, True)
        faiss.copy_array_to_vector(bias, linear.b)
    faiss.copy_array_to_vector(np.ravel(matrix), linear.A)
    map.is_trained = linear.is_trained = True
    return map.apply(vectors)
