"""Vectors that another program made, with their labels: --dataset=embeddings:PATH."""

import numpy as np

from tfhash import checks
from tfhash.data import embedding_files, splits
from tfhash.data.vectors import Vectors

QUERY_SHARE, MOST_QUERIES = 0.1, 1000
MOST_LABELS = 2**31  # bytes, one for each item and class
PARTS = ("train", "query", "database")
DRAWN = ("query", "labelled")


def load(path, *, split="", seed=0):
    """`Splits` of vectors.

    Where the files give the part of each item, database is train where they name none. Else a
    tenth of each class, at most 1000 in all, are queries; database and train are all others, and
    every label may be used.

    Args:
        path: as for `embedding_files.read`.
        split: how many items are drawn, as "query:1000,labelled:0.5": numbers, or shares with a
            point in them; of train the second says how many of its labels a training may use.
        seed: of the draw.
    Raises:
        ValueError: files are missing or bad, or labels, ids and parts do not fit the vectors.
    """
    table = embedding_files.read(path)
    pool = Vectors(table.vectors, table.ids, table.source)
    classes, labels = one_hot(table.labels, table.source)
    if table.parts is not None and split:
        raise ValueError(f"`{path}` gives the part of each item. Received: split={split!r}.")
    if table.parts is None:
        parts = _drawn(labels, _shares(split), np.random.default_rng(seed))
    else:
        parts = _given(table.parts, labels, table.source)
    return splits.of_indices(f"embeddings:{path}", classes, pool, labels, **parts)


def one_hot(labels, source):
    """The names of the classes, and the labels `[n, classes]` uint8 of 0 and 1.

    Args:
        labels: `[n]` numbers, under 0 for none; `[n]` names, "" for none; or `[n, classes]` 0/1.
        source: for errors.
    """
    labels = np.asarray(labels)
    if labels.dtype == object:  # text of a .parquet file; None for none
        labels = np.array(["" if one is None else str(one) for one in labels])
    if labels.ndim == 2 and labels.dtype.kind in "biuf" and labels.shape[1]:
        if not ((labels == 0) | (labels == 1)).all():
            raise ValueError(f"Expected labels of 0 and 1 [n, classes] for `{source}`.")
        return [str(number) for number in range(labels.shape[1])], labels.astype(np.uint8)
    if labels.ndim != 1 or labels.dtype.kind not in "iuU":
        raise ValueError(
            f"Expected labels for `{source}`: class numbers or names [n], or 0 and 1 [n, classes]. "
            f"Received: {labels.dtype} {list(labels.shape)}."
        )
    labels = _numbers(labels)
    known = labels != "" if labels.dtype.kind == "U" else labels >= 0
    names, numbers = np.unique(labels[known], return_inverse=True)
    if len(labels) * len(names) > MOST_LABELS:
        raise ValueError(
            f"Expected fewer classes for `{source}`: {len(labels)} items of {len(names)} classes "
            f"take more than {MOST_LABELS} bytes. Are these labels ids?"
        )
    rows = np.zeros((len(labels), len(names)), np.uint8)
    rows[np.flatnonzero(known), numbers] = 1
    return [str(name) for name in names], rows


def _numbers(labels):
    """Labels as numbers where they are numbers in text, so that class 10 comes after class 9."""
    if labels.dtype.kind != "U":
        return labels
    try:
        return np.where(labels == "", "-1", labels).astype(np.int64)
    except (ValueError, OverflowError):
        return labels


def _given(parts, labels, source):
    """The positions of the parts that the files name."""
    parts = np.asarray(parts).astype(str)
    unknown = sorted({*np.unique(parts).tolist()} - {*PARTS, ""})
    if unknown:
        raise ValueError(
            f"Expected the parts of `{source}` to be {', '.join(PARTS)}. Received: "
            f"{checks.brief(splits.some([repr(one) for one in unknown]))}."
        )
    train, query, database = (np.flatnonzero(parts == name) for name in PARTS)
    known = labels[train].any(axis=1)
    return {
        "labelled": train[known],
        "unlabelled": train[~known],
        "query": query,
        "database": database if len(database) else train,
    }


def _shares(text):
    """`{part: number or share}` of a text such as query:1000,labelled:0.5."""
    shares = {}
    for word in filter(None, text.replace(" ", "").split(",")):
        name, _, number = word.partition(":")
        try:
            value = float(number) if "." in number else int(number)
        except ValueError:
            value = 0
        fits = 0 < value <= 1 if isinstance(value, float) else value >= 1
        if name not in DRAWN or not fits:
            raise ValueError(
                "Expected `split` like query:1000,labelled:0.5 (numbers of items, or shares with "
                f"a point in them). Received: {text!r}."
            )
        shares[name] = value
    return shares


def _drawn(labels, shares, rng):
    """The positions of parts drawn at random, of each class about the same share."""
    known, first = np.flatnonzero(labels.any(axis=1)), labels.argmax(axis=1)
    queries = min(MOST_QUERIES, max(1, round(QUERY_SHARE * len(known))))
    queries = _number(shares.get("query", queries), len(known))
    query = known[splits.stratified(first[known], queries, rng)]
    train = np.setdiff1d(np.arange(len(labels)), query)
    able = np.intersect1d(train, known)
    count = _number(shares.get("labelled", 1.0), len(able))
    labelled = able[splits.stratified(first[able], count, rng, at_least=1)]
    others = np.setdiff1d(train, labelled)
    return {"labelled": labelled, "unlabelled": others, "query": query, "database": train}


def _number(wanted, most):
    """A number of items, at most `most`, of a number or a share of them."""
    return min(most, max(1, round(wanted * most)) if isinstance(wanted, float) else wanted)
