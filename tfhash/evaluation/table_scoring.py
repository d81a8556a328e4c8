"""How hash tables and embeddings are scored: precision, recall, speed-up, NMI, and the CSV files.

Entries have the original's names: te_te is test against test, where no item finds itself, te_tr
test against train; "at_k" are lists over the numbers of retrieved items.
Original: maestrojeong/Deep-Hash-Table-ICML18, utils/{evaluation,eval_op,csv_op}.py.
"""

import dataclasses
import logging
import pathlib

import numpy as np

from tfhash import files
from tfhash.metrics import clusters, speedup
from tfhash.quantization import buckets
from tfhash.retrieval import ranking
from tfhash.retrieval.codes import FloatCodes
from tfhash.retrieval.table import TableCodes

LOG = logging.getLogger("tfhash")
COUNTS = (1, 4, 16)  # items retrieved for a query
BASELINES = (1, 2, 3, 4)  # buckets of an item in the tables without training
METRIC_ENTRIES = (
    "te_tr_recall_at_k",
    "te_tr_precision_at_k",
    "te_te_recall_at_k",
    "te_te_precision_at_k",
)
TABLE_ENTRIES = (
    "train_nmi",
    "test_nmi",
    "te_tr_suf",
    "te_te_suf",
    "te_tr_precision_at_k",
    "te_te_precision_at_k",
    "te_tr_recall_at_k",
    "te_te_recall_at_k",
)


@dataclasses.dataclass(frozen=True)
class Part:
    """Items: `[n, dim]` vectors that rank, `[n, classes]` 0/1 labels, `[n, buckets]` values."""

    vectors: np.ndarray
    labels: np.ndarray
    values: np.ndarray | None = None

    def __len__(self):
        return len(self.vectors)


def counts_for(items):
    """Those of `COUNTS` that a query can retrieve of so many items."""
    return [count for count in COUNTS if count <= items]


def of_embedding(test, train=None):
    """`{entry: [value]}` of ranking by Euclidean distance; `METRIC_ENTRIES`.

    Args:
        test: a `Part`.
        train: a `Part`; None leaves out te_tr.
    """
    found = _rates("te_te", _nearest(test, test, own=True), test, test)
    if train is not None:
        found |= _rates("te_tr", _nearest(test, train, own=False), test, train)
    return {entry: found[entry] for entry in METRIC_ENTRIES if entry in found}


def _nearest(test, items, *, own):
    """`{count: [q, count]}` positions of the nearest items."""
    counts = counts_for(len(items) - own)
    if not counts:
        return {}
    codes = FloatCodes(items.vectors, "euclidean")
    index, _ = ranking.search(codes, np.asarray(test.vectors, np.float32), counts[-1] + own)
    if own:
        index = _without_own(index)
    return {count: index[:, :count] for count in counts}


def _without_own(index):
    """Row i without item i; without the last where a rounding error has pushed i out."""
    others = index != np.arange(len(index))[:, None]
    others[others.all(axis=1), -1] = False
    return index[others].reshape(len(index), -1)


def of_table(k, test, queries=None, train=None):
    """`{entry: value or [value]}` of a search in tables; `TABLE_ENTRIES`.

    Args:
        k: buckets of an item and, at first, of a query.
        test: a `Part`, queries in a table of itself.
        queries: the test's `Part` with its values for the table of `train`.
        train: a `Part`; None leaves out train_nmi and te_tr.
    """
    found = _of_one_table("te_te", "test", k, test, test, own=True)
    if train is not None:
        found |= _of_one_table("te_tr", "train", k, queries, train, own=False)
    return {entry: found[entry] for entry in TABLE_ENTRIES if entry in found}


def _of_one_table(short, name, k, queries, items, *, own):
    table = TableCodes.from_values(items.values, items.vectors, k)
    available = len(items) - own
    counts = counts_for(available)
    searched = table.search(queries.values, queries.vectors, counts, own=own) if counts else {}
    index = {count: found.index for count, found in searched.items()}
    return {
        f"{name}_nmi": clusters.normalized_mutual_information(distribution(table, items.labels)),
        f"{short}_suf": [speedup.factor(searched[c].touched, available) for c in counts],
        **_rates(short, index, queries, items),
    }


def distribution(table, labels):
    """`[buckets, classes]`: how many items of a class lie in a bucket."""
    labels = np.asarray(labels)
    return np.stack([labels[items].sum(axis=0, dtype=np.int64) for items in table.lists()])


def _rates(short, index, queries, items):
    """Precision and recall by count: the share of relevant items, and of queries with any."""
    one, other = (np.asarray(part.labels).argmax(axis=1) for part in (queries, items))
    right = [other[found] == one[:, None] for found in index.values()]
    return {
        f"{short}_precision_at_k": [float(rows.mean()) for rows in right],
        f"{short}_recall_at_k": [float(rows.any(axis=1).mean()) for rows in right],
    }


def baselines(test, train=None, active=BASELINES):
    """`{k: lines of CSV}` of tables without training: by the largest values (Th), by k-means (VQ).

    There are as many buckets as dimensions. With fewer queries than that there is no VQ.

    Args:
        test, train: as for `of_embedding`.
        active: buckets of an item, those numbers that there are.
    Original: cifar_exps/metric/deepmetric.py, test_th and test_vq.
    """
    width = test.vectors.shape[1]
    tables = {"th": tuple(part and _by_values(part) for part in (test, test, train))}
    if len(test) < width:
        LOG.info("No k-means table: %d queries for %d centres.", len(test), width)
    else:
        tables["vq"] = _by_centres(test, train, width)
    return {
        k: [
            {f"{entry}_{kind}": value for entry, value in of_table(k, *parts).items()}
            for kind, parts in tables.items()
        ]
        for k in active
        if k <= width
    }


def _by_values(part):
    return dataclasses.replace(part, values=part.vectors)


def _by_centres(test, train, count):
    """The parts for `of_table`, their values the closeness to centres of either part."""

    def near(part, centres):
        return dataclasses.replace(part, values=buckets.closeness(part.vectors, centres))

    own = near(test, buckets.centres(test.vectors, count))
    if train is None:
        return own, None, None
    centres = buckets.centres(train.vectors, count)
    return own, near(test, centres), near(train, centres)


def flat(entries, name=lambda entry: entry.removesuffix("_at_k")):
    """`{name@count: value}`: the lists of a dictionary of entries as single values."""
    found = {}
    for entry, value in entries.items():
        if isinstance(value, list):
            found |= {f"{name(entry)}@{count}": one for count, one in zip(COUNTS, value)}
        else:
            found[name(entry)] = value
    return found


def validation(k, part):
    """`{"precision@1", "nmi", "suf"}` of the items of one part against each other.

    Precision counts the nearest other item that shares a bucket with each; where none does, the
    query has failed. The speed-up is what the loads let expect.

    Args:
        k: buckets of an item.
        part: a `Part` of two items or more.
    Original: cifar_exps/exp1/deepmetric.py, train_hash; utils/eval_op.py, get_nmi_suf_quick.
    """
    table = TableCodes.from_values(part.values, part.vectors, k)
    keys = table.buckets.unpack()
    nearest = table.search(part.values, part.vectors, [1], own=True)[1].index[:, 0]
    labels = np.asarray(part.labels).argmax(axis=1)
    # Where a query's own buckets are empty, further ones were opened.
    right = (labels == labels[nearest]) & (keys & keys[nearest]).any(axis=1)
    return {
        "precision@1": float(right.mean()),
        "nmi": clusters.normalized_mutual_information(distribution(table, part.labels)),
        "suf": speedup.expected(keys.sum(axis=0, dtype=np.int64), k),
    }


def write_csv(path, lines):
    """Writes lines of entries, each as a row of names and a row of values; the path.

    All cells are as wide as the widest; a list is joined by slashes.

    Args:
        path: the file, written whole or not at all.
        lines: list of `{name: value or [value]}`.
    """
    rows = []
    for entries in lines:
        rows.append(list(entries))
        values = [v if isinstance(v, list) else [v] for v in entries.values()]
        rows.append(["/".join(map(str, value)) for value in values])
    width = max(len(cell) for row in rows for cell in row)
    with files.whole(path) as partial:
        partial.write_text("".join(",".join(c.rjust(width) for c in row) + "\n" for row in rows))
    return pathlib.Path(path)
