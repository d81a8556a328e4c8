"""Which triplets of a training set are worth training on: mined from its embedding.

Reference: Liu et al., ACM Multimedia 2018; thulab/DeepHash, model/dtq/util.py,
Dataset.update_triplets.
"""

import numpy as np

STRATEGIES = ("margin", "all", "hard")
BLOCK = 2**22  # distances held at once


def select(outputs, labels, *, margin, parts, strategy, seed):
    """Triplets of (anchor, positive, negative) in a random order.

    The items are shuffled and cut into parts of equal size, which no triplet crosses. Within a
    part, "margin" takes for every anchor and positive one negative at random out of those with
    d(anchor, negative) - d(anchor, positive) < margin, "all" one out of all, and "hard" for every
    anchor the farthest positive and the nearest negative. d is the squared Euclidean distance.
    Anchor and positive share a label, anchor and negative do not. Pairs without such a negative,
    anchors without a positive and items without a label give no triplet.

    Args:
        outputs: `[n, dim]` float.
        labels: `[n, classes]` 0/1.
        margin: in squared output units.
        parts: number of parts; >= 1.
        strategy: one of `STRATEGIES`.
        seed: of the shuffling and the choices.
    Returns:
        `[triplets, 3]` int64 positions among the n items; no rows where there is no triplet.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(outputs))
    size = -(-len(outputs) // parts)
    triplets = [np.empty((0, 3), np.int64)]
    for start in range(0, len(order), size):
        part = order[start : start + size]
        inside = _of_part(outputs[part], labels[part], margin, strategy, rng)
        triplets += [part[chosen] for chosen in inside]
    return rng.permutation(np.concatenate(triplets))


def count_pairs(labels):
    """Pairs of two of the `[n, classes]` 0/1 labels that share one, and those that do not."""
    kinds, counts = np.unique(np.asarray(labels), axis=0, return_counts=True)
    kinds = kinds.astype(np.float32)
    both = 0  # ordered pairs that share a label, those of an item with itself included
    for start in range(0, len(kinds), 1024):
        block = slice(start, start + 1024)
        both += int(counts[block] @ (kinds[block] @ kinds.T > 0) @ counts)
    similar = (both - int(counts @ kinds.any(axis=1))) // 2
    return similar, len(labels) * (len(labels) - 1) // 2 - similar


def _of_part(outputs, labels, margin, strategy, rng):
    """Arrays of `[., 3]` positions in a part, for a block of anchors each."""
    rows = max(1, BLOCK // len(outputs))
    for start in range(0, len(outputs), rows):
        anchors = np.arange(start, min(start + rows, len(outputs)))
        if strategy == "hard":
            yield _hardest(outputs, labels, anchors)
            continue
        bound = margin if strategy == "margin" else np.inf
        pairs, counts, ranking = negatives(outputs, labels, anchors, margin=bound)
        pairs, counts = pairs[counts > 0], counts[counts > 0]
        chosen = ranking[pairs[:, 0] - start, rng.integers(counts)]
        yield np.column_stack([pairs, chosen])


def negatives(outputs, labels, anchors, *, margin):
    """The negatives of each pair of an anchor and a positive that violate a margin.

    Args:
        outputs, labels: of a part, `[n, dim]` and `[n, classes]`.
        anchors: `[a]` positions in it.
        margin: a negative counts if it is farther than the positive by less than this.
    Returns:
        pairs: `[pairs, 2]` positions of anchor and positive.
        counts: `[pairs]`, how many negatives violate the margin.
        ranking: `[a, n]` positions; those negatives of an anchor are the first ones of its row.
    """
    distances, similar = _compared(outputs, labels, anchors)
    far = np.where(similar, np.float32(np.inf), distances)
    ranking = np.argsort(far, axis=1, kind="stable")
    far = np.take_along_axis(far, ranking, axis=1)
    rows, positives = np.nonzero(similar & (anchors[:, None] != np.arange(len(outputs))))
    bounds = distances[rows, positives] + np.float32(margin)
    # One search in all rows: the row number above the bits of its distances, which are in the
    # order of non-negative floats. No distance is under a bound of 0 or less, as it should be.
    heads = np.arange(len(anchors), dtype=np.uint64) << np.uint64(32)
    keys = heads[:, None] | far.view(np.uint32)
    wanted = heads[rows] | np.maximum(bounds, 0).view(np.uint32)
    counts = np.searchsorted(keys.ravel(), wanted) - rows * len(outputs)
    return np.column_stack([anchors[rows], positives]), counts, ranking


def _hardest(outputs, labels, anchors):
    distances, similar = _compared(outputs, labels, anchors)
    positive = np.where(similar, distances, -np.inf).argmax(axis=1)
    negative = np.where(similar, np.inf, distances).argmin(axis=1)
    rows = np.arange(len(anchors))
    # As the original: no triplet where no positive is farther than the anchor is from itself.
    kept = similar[rows, positive] & (positive != anchors) & ~similar[rows, negative]
    return np.column_stack([anchors, positive, negative])[kept]


def _compared(outputs, labels, anchors):
    """Squared distances `[anchors, n]` float32 and whether a label is shared, bool."""
    outputs = np.asarray(outputs, np.float64)
    lengths = np.einsum("ij,ij->i", outputs, outputs)
    distances = lengths[anchors, None] - 2 * outputs[anchors] @ outputs.T + lengths
    distances[np.arange(len(anchors)), anchors] = 0
    labels = np.asarray(labels, np.float32)
    return np.maximum(distances, 0).astype(np.float32), labels[anchors] @ labels.T > 0
