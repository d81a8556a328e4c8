"""Composite quantization: a vector is the sum of one centre of each of several codebooks.

The centres of all codebooks lie in one matrix `[subspaces * subcenters, dim]`, those of the first
codebook on top; every centre is as wide as a vector. A code is `[subspaces]` integers, the number
of the chosen centre in each codebook. One-hot matrices are never formed.
Reference: Zhang et al., ICML 2014; thulab/DeepHash, model/dqn/dqn.py, dvsq.py, dtq.py.
"""

import functools
import warnings

import numpy as np

from tfhash.lazy import tf

BLOCK = 4096  # vectors that are coded at once
RIDGE = 0.001  # on the diagonal of the normal equations
UNUSED = 1e-8  # squared length under which a centre counts as unused


def initial_centers(vectors, subspaces, subcenters, *, seed):
    """Centres by k-means on each slice of the dimensions; zero in all the others.

    A slice is `dim // subspaces` columns; columns that are left over stay zero.

    Args:
        vectors: `[n, dim]` float.
        subspaces, subcenters: number of codebooks, and of the centres of each.
        seed: of the k-means; an integer >= 0 or several.
    Returns:
        `[subspaces * subcenters, dim]` float32.
    Raises:
        ValueError: fewer vectors than centres.
    Original: initial_centers.
    """
    from sklearn import cluster, exceptions

    vectors = np.ascontiguousarray(vectors, np.float32)
    if len(vectors) < subcenters:
        raise ValueError(
            "Expected at least as many images as centres of a codebook. Received: "
            f"{len(vectors)} images, {subcenters} centres. Use a smaller --n_subcenter."
        )
    width = vectors.shape[1] // subspaces
    seeds = np.random.SeedSequence(seed).generate_state(subspaces)
    centers = np.zeros((subspaces * subcenters, vectors.shape[1]), np.float32)
    for number in range(subspaces):
        columns = slice(number * width, (number + 1) * width)
        kmeans = cluster.MiniBatchKMeans(subcenters, n_init=3, random_state=int(seeds[number]))
        with warnings.catch_warnings():
            # Outputs of a saturated tanh coincide: then some centres do so too, and may.
            warnings.simplefilter("ignore", exceptions.ConvergenceWarning)
            kmeans.fit(vectors[:, columns])
        rows = slice(number * subcenters, (number + 1) * subcenters)
        centers[rows, columns] = kmeans.cluster_centers_
    return centers


def orders(subspaces, sweeps, *, seed):
    """The order in which each sweep visits the codebooks: `[sweeps, subspaces]`, random."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(subspaces) for _ in range(sweeps)])


def assign(vectors, centers, orders, *, word_vectors=None):
    """The codes of vectors, by iterated conditional modes.

    Starts without any centre. A visit to a codebook gives each vector the centre that is nearest
    to what the other codebooks leave over of it; the first one of a tie.

    Args:
        vectors: `[n, dim]` float.
        centers: `[subspaces * subcenters, dim]` float.
        orders: `[sweeps, subspaces]` integers, the codebooks in the order of the visits. It is
            that of all vectors; the original draws one for every 500 of them.
        word_vectors: `[classes, dim]` float; distances are then those of the products with them,
            sum over the classes of ((x - c) . w)^2.
    Returns:
        `[n, subspaces]` int32.
    Original: update_codes_ICM.
    """
    vectors, centers = (np.asarray(array, np.float32) for array in (vectors, centers))
    if word_vectors is not None:
        # The projection is linear: coding the products is coding the vectors by that distance.
        projection = np.asarray(word_vectors, np.float32).T
        vectors, centers = vectors @ projection, centers @ projection
    codebooks = tf.split(tf.constant(centers), np.shape(orders)[1])
    codes, visit = np.zeros((len(vectors), len(codebooks)), np.int32), _compiled_visit()
    for start in range(0, len(vectors), BLOCK):
        block = slice(start, start + BLOCK)
        residual = tf.constant(vectors[block])
        chosen = [None] * len(codebooks)
        for number in np.ravel(orders):
            given_back = 0.0 if chosen[number] is None else chosen[number]
            nearest, chosen[number], residual = visit(residual + given_back, codebooks[number])
            codes[block, number] = nearest
    return codes


@functools.cache
def _compiled_visit():
    """`_visit` as one `tf.function` for all."""
    return tf.function(_visit, reduce_retracing=True)


def _visit(residual, codebook):
    """Nearest centre of each residual: its number, itself, and what it leaves over."""
    # |r - c|^2 without |r|^2, which is the same for every centre.
    lengths = tf.reduce_sum(tf.square(codebook), axis=1)
    scores = lengths - 2 * tf.matmul(residual, codebook, transpose_b=True)
    nearest = tf.argmin(scores, axis=1, output_type=tf.int32)
    chosen = tf.gather(codebook, nearest)
    return nearest, chosen, residual - chosen


def update_centers(vectors, codes, centers):
    """The centres of least squared error for given codes: (B^T B + .001 I)^-1 B^T U.

    B is the one-hot matrix of the codes and U the vectors; its products are counts and sums.
    Centres that come out as zero keep their old values: mostly those that no vector uses.

    Args:
        vectors: `[n, dim]` float.
        codes: `[n, subspaces]` integers.
        centers: `[subspaces * subcenters, dim]` float, the old ones.
    Returns:
        `[subspaces * subcenters, dim]` float32. Solved in float64, where the original inverts
        in float32: the matrix is nearly singular, as the columns of every codebook sum to 1.
    Original: update_centers.
    """
    centers, codes = np.asarray(centers, np.float32), np.asarray(codes, np.int64)
    count, subspaces = len(centers), codes.shape[1]
    words = count // subspaces
    products = np.empty((subspaces, words, subspaces, words))  # how often two centres meet
    for first in range(subspaces):
        for second in range(subspaces):
            both = np.bincount(codes[:, first] * words + codes[:, second], minlength=words**2)
            products[first, :, second] = both.reshape(words, words)
    products = products.reshape(count, count)
    products[np.diag_indices(count)] += RIDGE
    vectors = tf.constant(vectors, tf.float64)
    sums = [tf.math.unsorted_segment_sum(vectors, chosen, words) for chosen in codes.T]
    solved = np.linalg.solve(products, tf.concat(sums, axis=0).numpy())
    unused = np.square(solved).sum(axis=1) < UNUSED
    return np.where(unused[:, None], centers, solved).astype(np.float32)


def fit(vectors, centers, subspaces, *, rounds, sweeps, seed, word_vectors=None):
    """Codes and centres in turns, `rounds` times: `([n, subspaces] int32, centres)`.

    Args:
        vectors: `[n, dim]` float.
        centers: `[subspaces * subcenters, dim]` float to start from.
        subspaces: number of codebooks.
        rounds, sweeps: of codes and centres, and of visits to all codebooks in each.
        seed: of the orders of the visits; a sequence of integers >= 0.
        word_vectors: as in `assign`; the centres are those of plain least squares all the same.
    Original: update_codes_and_centers.
    """
    for number in range(rounds):
        visits = orders(subspaces, sweeps, seed=(*seed, number))
        codes = assign(vectors, centers, visits, word_vectors=word_vectors)
        centers = update_centers(vectors, codes, centers)
    return codes, centers


def reconstruct(codes, centers):
    """The sums of the chosen centres, `[n, dim]` of the type of `centers`.

    Args:
        codes: `[n, subspaces]` integers.
        centers: `[subspaces * subcenters, dim]` float.
    """
    subspaces = codes.shape[1]
    firsts = tf.range(subspaces) * (tf.shape(centers)[0] // subspaces)
    return tf.reduce_sum(tf.gather(centers, tf.cast(codes, tf.int32) + firsts), axis=1)
