"""A test of a model: its metrics, pictures, and the files that keep them."""

import dataclasses
import json
import logging
import pathlib

import numpy as np

from tfhash import contents, files, originals
from tfhash.data import unseen
from tfhash.data.splits import Splits
from tfhash.evaluation import curves, pictures
from tfhash.evaluation.scoring import Encoded, Scoring
from tfhash.retrieval import base, index, ranking

LOG = logging.getLogger("tfhash")
LISTED = 15  # images of a ranked list in a picture


@dataclasses.dataclass(frozen=True)
class Result:
    """A test of a model: the metrics, and the encoded parts they were taken from.

    Attributes:
        model: the `Model`.
        splits: the `Splits` that it was tested on.
        query, database: `Encoded`.
        codes: of the database; a kind of tfhash/retrieval/codes.py.
        queries: what the codes' `distances` takes.
        scoring: the `Scoring`.
        metrics: `{name: value}`.
    """

    model: object
    splits: Splits
    query: Encoded
    database: Encoded
    codes: base.Codes
    queries: object
    scoring: Scoring
    metrics: dict

    @property
    def head(self):
        """The model's `Head`."""
        return self.model.recipe.head

    @property
    def config(self):
        """The method's `Config`."""
        return self.model.config

    @property
    def weights(self):
        """The model's `{name: keras.Variable}` besides the network."""
        return self.model.recipe.weights


def evaluate(model, splits, *, batch_size=None, scoring=None):
    """Encodes query and database of `splits` and takes the metrics of the model's head."""
    asked = scoring or Scoring()
    if asked.top and asked.top > len(splits.database):
        LOG.info("The database has %d items: all of them are ranked.", len(splits.database))
    result = _result(model, splits, model.recipe.head.evaluate, asked, batch_size)
    alike = collapse(result)
    if alike:
        LOG.warning("The model hardly tells items apart: %s.", alike)
    return result


def validate(model, splits):
    """As `evaluate`, by the metrics that the head watches during training."""
    return _result(model, splits, model.recipe.head.validate, Scoring())


def _result(model, splits, measure, scoring, batch_size=None):
    top = scoring.top or originals.top(model.method, splits.dataset)
    scoring = dataclasses.replace(scoring, top=top and min(top, len(splits.database)))
    query, database = (
        Encoded(model.embed(part, batch_size=batch_size), part.labels)
        for part in (splits.query, splits.database)
    )
    head = model.recipe.head
    codes, queries = head.codes(database.outputs), head.queries(query.outputs)
    metrics = measure(query, database, codes, scoring)
    for name, rows in groups(splits).items():
        some = Encoded(query.outputs[rows], query.labels[rows])
        found = measure(some, database, codes, scoring.of_queries(rows))
        metrics |= {f"{metric}_{name}": value for metric, value in found.items()}
    return Result(model, splits, query, database, codes, queries, scoring, metrics)


def groups(splits):
    """`{"seen", "unseen": positions of queries}`, of classes that the training knows and does not;
    {} where it knows all."""
    if not splits.unseen:
        return {}
    strange = unseen.has_unseen(splits.query, len(splits.trained_classes))
    rows = {"seen": np.flatnonzero(~strange), "unseen": np.flatnonzero(strange)}
    return {name: found for name, found in rows.items() if len(found)}


def ranked_lists(result, *, rows=5, seed=0):
    """The picture of some random queries and the first 15 images found for each."""
    count = min(rows, len(result.splits.query))
    picked = np.random.default_rng(seed).permutation(len(result.splits.query))[:count]
    listed = min(LISTED, len(result.splits.database))
    index, _ = ranking.search(result.codes, result.queries[picked], listed)
    labels = result.query.labels[picked]
    if result.scoring.relevant is not None:
        relevant = np.take_along_axis(result.scoring.relevant[picked], index, axis=1) != 0
    else:
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


def collapse(result):
    """How the database's outputs or codes have become all alike, in a few words; None if not."""
    outputs = result.database.outputs
    if len(outputs) < 2:
        return None
    if pictures.all_equal(outputs):
        noun = result.splits.database.images.noun
        return f"the outputs of all {len(outputs)} {noun} are equal"
    return result.codes.collapse()


def write(result, folder, *, seed=0, codes=False):
    """Writes what a test shows: the metrics first, then curves, what the method adds and, last of
    all, pictures; the paths. A picture that can't be drawn is a line in the log.

    Args:
        result: a `Result`.
        folder: where to; report/files.json lists what tests have written there.
        seed: draws the queries of the picture.
        codes: also writes codes.npz and codes.faiss of the database, and query_codes.npz.
    """
    folder, written = pathlib.Path(folder), []

    def keep(paths):
        contents.record(folder, paths)
        written.extend(paths)

    keep([_write_metrics(result, folder / "metrics.json")])
    tables = curves.tables(result)
    keep(curves.write(tables, folder))
    keep(originals.report(result.model.method, result, folder))
    keep(_write_codes(result, folder) if codes else [])
    for name, draw in _pictures(result, tables, seed).items():
        path = pictures.attempt(lambda: pictures.save(draw(), folder / name), name)
        keep([path] if path else [])
    return [*written, folder / contents.LISTING]


def _write_metrics(result, path):
    with files.whole(path) as partial:
        found = {name: _plain(value) for name, value in table(result).items()}
        partial.write_text(json.dumps(found, indent=2, allow_nan=False) + "\n")
    return path


def _pictures(result, tables, seed):
    """`{file: function that draws it}`."""
    outputs, labels = result.database.outputs, result.database.labels
    drawn = {"curves.png": lambda: curves.picture(tables)}
    if result.splits.query.images.shown:
        drawn["ranked_lists.png"] = lambda: ranked_lists(result, seed=seed)
    if len(outputs) >= 4:
        drawn["embedding.png"] = lambda: pictures.embedding(outputs, labels, result.splits.classes)
    return drawn


def _plain(value):
    """A value as JSON has it: null for NaN and infinity."""
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _write_codes(result, folder):
    parts = {"codes": result.splits.database, "query_codes": result.splits.query}
    names = {file: [part.name(row) for row in range(len(part))] for file, part in parts.items()}
    result.codes.save(folder / "codes.npz", names=names["codes"])
    queries = result.codes.queries_to_save(result.queries)
    queries.save(folder / "query_codes.npz", names=names["query_codes"])
    paths = [folder / "codes.npz", folder / "query_codes.npz"]
    if not result.codes.has_index:
        LOG.info("No FAISS index has the distances of %s.", type(result.codes).__name__)
        return paths
    index.Index(result.codes).save(folder / "codes.faiss")
    return [*paths, folder / "codes.faiss"]
