"""How a test scores codes: the options of run_test.py, and the metrics that depend on them."""

import dataclasses

import numpy as np

from tfhash.metrics import average_precision
from tfhash.retrieval import ranking, relevance

TIES = ("stable", "expected", "best", "worst")
DENOMINATORS = ("retrieved", "all")


@dataclasses.dataclass(frozen=True)
class Scoring:
    """The conventions of a test.

    Attributes:
        ties: the order of items of equal distance: "stable" is that of the database, "expected"
            the mean over all orders, "best" and "worst" the bounds.
        top: ranks that count for mAP (R); None for the method's own number.
        map_denominator: "retrieved" divides by the relevant items among the first R, as the
            originals do, "all" by min(R, relevant items in the database), as textbooks do.
        max_memory: bytes that ranking may take beyond codes and labels.
    """

    ties: str = "stable"
    top: int | None = None
    map_denominator: str = "retrieved"
    max_memory: int = ranking.MAX_MEMORY

    def __post_init__(self):
        for name, known in (("ties", TIES), ("map_denominator", DENOMINATORS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"Expected `{name}` to be one of {known}. Received: {getattr(self, name)!r}."
                )
        for name in ("top", "max_memory"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"Expected `{name}` >= 1. Received: {getattr(self, name)}.")

    def average_precisions(self, codes, queries, query_labels, labels, *, top=None):
        """`[queries]` average precision; NaN for a query without a relevant item.

        Args:
            codes: of the database, a class of tfhash/retrieval/codes.py.
            queries: what its `distances` takes.
            query_labels, labels: `[q, classes]` and `[n, classes]` 0/1.
            top: ranks that count where the options leave it open; None for all.
        """
        top = ranking.clipped(self.top or top, codes)
        given = (codes, queries, query_labels, labels)
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
            total = relevance.Relevance(query_labels, labels).totals()
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
        found = self.average_precisions(codes, queries, query.labels, database.labels, top=top)
        if missing == "skip":
            found = found[~np.isnan(found)]
        return float(np.nan_to_num(found).mean()) if len(found) else float("nan")
