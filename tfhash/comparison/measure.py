"""The test of a comparison: the same measures for every method, whatever its original prints."""

import time

import numpy as np

from tfhash.evaluation import results
from tfhash.evaluation.scoring import Encoded, Scoring
from tfhash.retrieval import index, ranking
from tfhash.retrieval.codes import FloatCodes


def measure(model, splits, *, k, R, ties):
    """`{measure: value}` of a model on query and database of `splits`.

    mAP (a query without a relevant item counts 0) and precision@k, of all queries and of those of
    seen and unseen classes; recall@k, the share of the k nearest vectors by Euclidean distance
    that are among the k nearest by code, where items are vectors; bytes of a code; milliseconds,
    of encoding an item and of searching for a query.

    Args:
        model: a `Model`.
        splits: the `Splits`.
        k: items that are found for a query.
        R: ranks that count for mAP; 0 for all.
        ties: as of `Scoring`.
    """
    head, k = model.recipe.head, min(k, len(splits.database))
    query = Encoded(model.embed(splits.query), splits.query.labels)
    started = time.perf_counter()
    outputs = model.embed(splits.database)
    codes, queries = head.codes(outputs), head.queries(query.outputs)
    seconds = time.perf_counter() - started
    database = Encoded(outputs, splits.database.labels)
    scoring, given = Scoring(ties=ties, top=R or None), (codes, queries, query, database)
    each = {
        "mAP": np.nan_to_num(scoring.average_precisions(*given)),
        f"precision@{k}": scoring.hits(*given, [k])[:, 0] / k,
    }
    found = {name: float(values.mean()) for name, values in each.items()}
    for group, rows in results.groups(splits).items():
        found |= {f"{name}_{group}": float(values[rows].mean()) for name, values in each.items()}
    nearest, searching = _searched(codes, queries, k)
    return (
        found
        | _recall(splits, nearest, k)
        | {
            "bytes": codes.item_bytes,
            "encode_ms": 1000 * seconds / len(splits.database),
            "search_ms": 1000 * searching / len(splits.query),
        }
    )


def _searched(codes, queries, k):
    """`[q, k]` positions of the nearest items, equal ones in database order; seconds of a search
    by the index that users have."""
    started = time.perf_counter()
    positions = ranking.search(codes, queries, k).positions
    if codes.has_index:
        engine = index.Index(codes)
        started = time.perf_counter()
        engine.search(queries, k)
    return positions, time.perf_counter() - started


def _recall(splits, positions, k):
    """`{"recall@k": share}` of the nearest vectors that were found; {} of images."""
    if splits.query.images.shown:
        return {}
    vectors = splits.database.read(np.arange(len(splits.database)))
    floats = FloatCodes(vectors, "euclidean")
    queries = splits.query.read(np.arange(len(splits.query)))
    nearest = ranking.search(floats, queries, k).positions
    shared = [len(np.intersect1d(*rows)) for rows in zip(nearest, positions)]
    return {f"recall@{k}": float(np.mean(shared) / k)}
