"""FAISS indexes that look only into some lists of items, those nearest to a query.

k-means of the items makes the lists; the codes in them stay as they are. In a database of many
items such an index is faster than one that looks at all, and misses some of the nearest.
"""

import numpy as np

from tfhash.retrieval import base

SHARE = 16  # of the lists, one in so many is looked into
LOOKED_AT = 64  # items for each list, by which k-means places it
ROUNDS = 6  # of k-means
BLOCK = 65536  # items whose vectors are held at once


def of_words(words):
    """The index of packed bits `[n, words]` uint64, by their Hamming distance."""
    faiss = base.import_faiss()
    packed, count = words.view(np.uint8), lists_of(len(words))
    length = 8 * packed.shape[1]
    index = faiss.IndexBinaryIVF(faiss.IndexBinaryFlat(length), length, count)
    index.cp.niter, index.cp.min_points_per_centroid = ROUNDS, 1
    index.train(packed[_sample(len(words), count)])
    index.add(packed)
    index.nprobe = -(-count // SHARE)
    return index


def filled(index, vectors, packed):
    """Fills an IVF index of FAISS, whose `quantizer` has no centres yet, and returns it.

    Args:
        index: trained, but for the centres of its lists.
        vectors: `positions or slice -> [n, dim]` float32, by which items are put into lists.
        packed: `[n, code_size]` uint8, the codes as the index stores them.
    """
    faiss = base.import_faiss()
    means = faiss.Kmeans(index.d, index.nlist, niter=ROUNDS, min_points_per_centroid=1)
    means.train(vectors(_sample(len(packed), index.nlist)))
    index.quantizer.add(means.centroids)
    index.is_trained = True
    for first in range(0, len(packed), BLOCK):
        _, own = means.assign(vectors(slice(first, first + BLOCK)))
        for number in np.unique(own):
            rows = first + np.flatnonzero(own == number)
            part = np.ascontiguousarray(packed[rows])
            addresses = (faiss.swig_ptr(array) for array in (rows, part))
            index.invlists.add_entries(int(number), len(rows), *addresses)
    index.ntotal = len(packed)
    index.nprobe = -(-index.nlist // SHARE)
    return index


def lists_of(items):
    """The number of lists for so many items: about the square root."""
    return max(1, round(items**0.5))


def _sample(items, lists):
    """Positions of items for k-means, ascending."""
    count = min(items, LOOKED_AT * lists)
    return np.sort(np.random.default_rng(0).permutation(items)[:count])
