"""How a test scores codes: the options of run_test.py, and the metrics that depend on them."""

import dataclasses

import numpy as np

from tfhash.metrics import average_precision, precision_recall
from tfhash.metrics import radius as radii
from tfhash.retrieval import ranking, relevance

TIES = ("stable", "expected", "best", "worst")
DENOMINATORS = ("retrieved", "all")


@dataclasses.dataclass(frozen=True)
class Encoded:
    """A part of a dataset after the network: `outputs` `[n, dim]`, `labels` `[n, classes]`."""

    outputs: np.ndarray
    labels: np.ndarray


@dataclasses.dataclass(frozen=True)
class Scoring:
    """The conventions of a test.

    Attributes:
        ties: the order of items of equal distance: "stable" is that of the database, "expected"
            the mean over all orders, "best" and "worst" have the relevant ones first and last.
            These are bounds of mAP but for "retrieved" with an R that cuts a tie: there the
            divisor depends on the order too.
        top: ranks that count for mAP (R); None for the method's own number.
        map_denominator: "retrieved" divides by the relevant items among the first R, as the
            originals do, "all" by min(R, relevant items in the database), as textbooks do.
        max_memory: bytes that ranking may take beyond codes and labels.
        relevant: a `[q, n]` 0/1 matrix of which items are relevant, instead of labels; or None.
    """

    ties: str = "stable"
    top: int | None = None
    map_denominator: str = "retrieved"
    max_memory: int = ranking.MAX_MEMORY
    relevant: np.ndarray | None = dataclasses.field(default=None, repr=False, compare=False)

    def __post_init__(self):
        for name, known in (("ties", TIES), ("map_denominator", DENOMINATORS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"Expected `{name}` to be one of {known}. Received: {getattr(self, name)!r}."
                )
        for name in ("top", "max_memory"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"Expected `{name}` >= 1. Received: {getattr(self, name)}.")

    def of_queries(self, rows):
        """These conventions for some of the queries, by their positions."""
        if self.relevant is None:
            return self
        return dataclasses.replace(self, relevant=self.relevant[rows])

    def average_precisions(self, codes, queries, query, database, *, top=None):
        """`[queries]` average precision; NaN for a query without a relevant item.

        Args:
            codes: of the database, `codes.Codes`.
            queries: what its `distances` takes.
            query, database: have `labels`, `[q, classes]` and `[n, classes]` 0/1.
            top: ranks that count where the options leave it open; None for all.
        """
        top = ranking.clipped(self.top or top, codes)
        labels = self._labels(query, database)
        given = (codes, queries, *labels)
        if self.ties == "expected":
            blocks = ranking.tie_counts(*given, max_memory=self.max_memory)
            score = average_precision.expected_average_precision
        else:
            ranks = ranking.relevant_ranks(
                *given, top=top, ties=self.ties, max_memory=self.max_memory
            )
            blocks = ((block,) for block in ranks)
            score = average_precision.average_precision
        total, done, found = None, 0, []
        if self.map_denominator == "all":
            total = relevance.Relevance(*labels).totals()
        for block in blocks:
            stop = done + len(block[0])
            part = None if total is None else total[done:stop]
            found.append(score(*block, top=top, total=part))
            done = stop
        return np.concatenate(found)

    def mean_average_precision(self, codes, queries, query, database, *, top=None, missing="zero"):
        """mAP at R of queries against a database.

        Args:
            codes, queries, top: as in `average_precisions`.
            query, database: have `labels`.
            missing: a query without a relevant item is "zero" or left out of the mean ("skip").
        """
        found = self.average_precisions(codes, queries, query, database, top=top)
        if missing == "skip":
            found = found[~np.isnan(found)]
        return float(np.nan_to_num(found).mean()) if len(found) else float("nan")

    def within_radius(self, codes, queries, query, database, *, radius=2):
        """`{metric: value}` of the items within a Hamming radius, ranked by feature.

        Args:
            codes, queries: `codes.RerankedCodes` of database and queries.
            query, database: have `labels`.
            radius: of the ball, in bits.
        Original: thulab/DeepHash, evaluation/__init__.py, get_precision_recall_by_Hamming_Radius.
        """
        labels = self._labels(query, database)
        totals = relevance.Relevance(*labels).totals()
        blocks = ranking.ball_ranks(codes, queries, radius, *labels, max_memory=self.max_memory)
        found, sizes = [], []
        for ranks, count in blocks:
            found += ranks
            sizes.append(count)
        precision, recall, precisions = radii.in_ball(found, np.concatenate(sizes), totals, radius)
        known = precisions[~np.isnan(precisions)]
        return {
            f"precision_radius_{radius}": float(precision.mean()),
            f"recall_radius_{radius}": float(recall.mean()),
            f"mAP_radius_{radius}": float(known.mean()) if len(known) else 0.0,
        }

    def radius_curves(self, codes, queries, query, database):
        """`{"radius", "precision", "recall", "mAP"}`, each `[bits + 1]`: means over the queries.

        The items within a radius are ranked by Hamming distance.

        Args:
            codes, queries: `codes.BinaryCodes` of database and queries.
            query, database: have `labels`.
        Original: thulab/DeepHash, evaluation/__init__.py,
            get_precision_recall_by_Hamming_Radius_All.
        """
        given = (codes, queries, *self._labels(query, database))
        if self.ties == "expected":
            counts = ranking.tie_counts(*given, max_memory=self.max_memory)
            parts = [radii.expected(*block) for block in counts]
        else:
            ranks = ranking.radius_ranks(*given, ties=self.ties, max_memory=self.max_memory)
            parts = [radii.of_ranks(*block) for block in ranks]
        means = [np.concatenate(arrays).mean(axis=0) for arrays in zip(*parts)]
        return dict(zip(("precision", "recall", "mAP"), means)) | {
            "radius": np.arange(codes.bits + 1)
        }

    def curves(self, codes, queries, query, database):
        """Precision and recall at N, and precision at levels of recall: means over the queries.

        Args:
            codes, queries: as in `average_precisions`.
            query, database: have `labels`.
        Returns:
            `{"N", "precision", "recall"}`, each `[counts]`, and `{"level", "interpolated"}`, each
            `[21]`, in one dictionary.
        """
        totals = relevance.Relevance(*self._labels(query, database)).totals()
        counts = _spread(len(codes))
        hits = self.hits(codes, queries, query, database, counts)
        precision, recall = precision_recall.at_counts(hits, counts, totals)
        return {
            "N": counts,
            "precision": precision,
            "recall": recall,
            "level": precision_recall.LEVELS,
            "interpolated": precision_recall.at_recall_levels(hits, counts, totals),
        }

    def hits(self, codes, queries, query, database, counts):
        """`[queries, counts]`: the relevant items among the first ones of a ranked list.

        Args:
            codes, queries, query, database: as in `average_precisions`.
            counts: `[counts]` numbers of first items, ascending.
        """
        given = (codes, queries, *self._labels(query, database))
        if self.ties == "expected":
            groups = ranking.tie_counts(*given, max_memory=self.max_memory)
            hits = [precision_recall.expected_hits_at(*block, counts) for block in groups]
        else:
            blocks = ranking.relevant_ranks(*given, ties=self.ties, max_memory=self.max_memory)
            hits = [precision_recall.hits_at(block, counts) for block in blocks]
        return np.concatenate(hits)

    def _labels(self, query, database):
        """What tells relevance: the labels of both parts, or the matrix and None."""
        if self.relevant is not None:
            return self.relevant, None
        return query.labels, database.labels


def _spread(items, points=400):
    """Up to `points` different Ns from 1 to `items`, each about the same factor over the last."""
    return np.unique(np.geomspace(1, items, min(points, items)).round().astype(np.int64))
