"""A test of a model: its metrics, pictures, and the files that keep them."""

import dataclasses
import json
import os
import pathlib
import typing

import numpy as np

from tfhash.report import pictures
from tfhash.retrieval import ranking
from tfhash.scoring import Scoring

LISTED = 15  # images of a ranked list in a picture


@dataclasses.dataclass(frozen=True)
class Result:
    """A model's test: the metrics, and the encoded parts they were taken from."""

    splits: typing.Any
    query: typing.Any  # base.Encoded
    database: typing.Any
    codes: typing.Any  # of the database
    queries: typing.Any  # what the codes' `distances` takes
    metrics: dict


def evaluate(hasher, splits, *, batch_size=None, scoring=None):
    """Encodes query and database of `splits` and takes the method's metrics."""
    scoring = hasher.method.scoring(scoring or Scoring(), splits.dataset, len(splits.database))
    query = hasher.encode(splits.query, batch_size=batch_size)
    database = hasher.encode(splits.database, batch_size=batch_size)
    codes = hasher.method.codes(database.outputs)
    metrics = hasher.method.evaluate(query, database, codes, scoring)
    return Result(splits, query, database, codes, hasher.method.queries(query.outputs), metrics)


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
    """`{name: value}`: the metrics, and what they were taken on."""
    return result.metrics | {
        "dataset": result.splits.dataset,
        "queries": len(result.query.outputs),
        "database": len(result.database.outputs),
        "bits": result.codes.bits,
    }


def write(result, folder, *, seed=0, codes=False):
    """Writes metrics.json, ranked_lists.png, embedding.png, and codes.npz if asked for; the paths.

    `seed` draws the queries of the picture.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    metrics = folder / "metrics.json"
    partial = metrics.with_name(".metrics.json")
    partial.write_text(json.dumps(table(result), indent=2) + "\n")
    os.replace(partial, metrics)
    figure = ranked_lists(result, seed=seed)
    paths = [metrics, pictures.save(figure, folder / "ranked_lists.png")]
    if len(result.database.outputs) >= 4:
        figure = pictures.embedding(
            result.database.outputs, result.database.labels, result.splits.classes
        )
        paths.append(pictures.save(figure, folder / "embedding.png"))
    if codes:
        result.codes.save(folder / "codes.npz")
        paths.append(folder / "codes.npz")
    return paths
