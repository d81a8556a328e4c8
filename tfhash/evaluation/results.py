"""A test of a model: its metrics, pictures, and the files that keep them."""

import dataclasses
import json
import logging
import pathlib
import typing

import numpy as np

from tfhash import files
from tfhash.evaluation import curves, pictures
from tfhash.evaluation.scoring import Scoring
from tfhash.retrieval import base, index, ranking

LOG = logging.getLogger("tfhash")
LISTED = 15  # images of a ranked list in a picture


@dataclasses.dataclass(frozen=True)
class Result:
    """A model's test: the metrics, and the encoded parts they were taken from."""

    method: typing.Any
    splits: typing.Any
    query: typing.Any  # Encoded of tfhash/methods/base.py
    database: typing.Any
    codes: base.Codes  # of the database
    queries: typing.Any  # what the codes' `distances` takes
    scoring: Scoring
    metrics: dict


def evaluate(hasher, splits, *, batch_size=None, scoring=None):
    """Encodes query and database of `splits` and takes the method's metrics."""
    asked, method = scoring or Scoring(), hasher.method
    if asked.top and asked.top > len(splits.database):
        LOG.info("The database has %d items: all of them are ranked.", len(splits.database))
    scoring = method.scoring(asked, splits.dataset, len(splits.database))
    query = hasher.encode(splits.query, batch_size=batch_size)
    database = hasher.encode(splits.database, batch_size=batch_size)
    codes = method.codes(database.outputs)
    metrics = method.evaluate(query, database, codes, scoring)
    return Result(
        method, splits, query, database, codes, method.queries(query.outputs), scoring, metrics
    )


def ranked_lists(result, *, rows=5, seed=0):
    """The picture of some random queries and the first 15 images found for each."""
    count = min(rows, len(result.splits.query))
    picked = np.random.default_rng(seed).permutation(len(result.splits.query))[:count]
    listed = min(LISTED, len(result.splits.database))
    index, _ = ranking.search(result.codes, result.queries[picked], listed)
    labels = result.query.labels[picked]
    relevant = (result.database.labels[index] & labels[:, None]).any(axis=-1)
    found = np.stack([result.splits.database.read(row) for row in index])
    names = [result.splits.classes[label.argmax()] for label in labels]
    return pictures.ranked_lists(result.splits.query.read(picked), found, relevant, titles=names)


def table(result):
    """`{name: value}`: the metrics, what the codes are like, and what they were taken on."""
    return (
        result.metrics
        | result.codes.statistics(result.database.outputs)
        | {
            "dataset": result.splits.dataset,
            "queries": len(result.query.outputs),
            "database": len(result.database.outputs),
            "bits": result.codes.bits,
            "R": result.scoring.top or len(result.database.outputs),
            "ties": result.scoring.ties,
            "map_denominator": result.scoring.map_denominator,
        }
    )


def write(result, folder, *, seed=0, codes=False):
    """Writes what a test shows: metrics, pictures, curves, and what the method adds; the paths.

    Args:
        result: a `Result`.
        folder: where to.
        seed: draws the queries of the picture.
        codes: also writes codes.npz and codes.faiss of the database, and query_codes.npz.
    """
    folder = pathlib.Path(folder)
    metrics = folder / "metrics.json"
    with files.whole(metrics) as partial:
        found = {name: _plain(value) for name, value in table(result).items()}
        partial.write_text(json.dumps(found, indent=2, allow_nan=False) + "\n")
    figure = ranked_lists(result, seed=seed)
    paths = [metrics, pictures.save(figure, folder / "ranked_lists.png")]
    if len(result.database.outputs) >= 4:
        figure = pictures.embedding(
            result.database.outputs, result.database.labels, result.splits.classes
        )
        paths.append(pictures.save(figure, folder / "embedding.png"))
    paths += curves.write(result, folder)
    given = (result.query, result.database, result.codes, result.scoring)
    paths += result.method.report(*given, folder)
    return paths + (_write_codes(result, folder) if codes else [])


def _plain(value):
    """A value as JSON has it: null for NaN and infinity."""
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _write_codes(result, folder):
    result.codes.save(folder / "codes.npz")
    result.codes.queries_to_save(result.queries).save(folder / "query_codes.npz")
    paths = [folder / "codes.npz", folder / "query_codes.npz"]
    if not result.codes.has_index:
        LOG.info("No FAISS index has the distances of %s.", type(result.codes).__name__)
        return paths
    index.Index(result.codes).save(folder / "codes.faiss")
    return [*paths, folder / "codes.faiss"]
