"""Files of vectors with labels, ids and parts: .npy with others beside it, .npz, .parquet."""

import contextlib
import csv
import os
import typing

import numpy as np

from tfhash import checks, files, numpy_files

ENDINGS = (".npy", ".npz", ".parquet")
VECTORS, LABELS, IDS, PARTS = "vectors.npy", "labels", "ids.txt", "split.npy"
# Names of the columns of a .parquet file, and of the arrays of an .npz file.
COLUMNS = {
    "vectors": ("vectors", "vector", "embeddings", "embedding"),
    "labels": ("labels", "label"),
    "ids": ("ids", "id"),
    "parts": ("split",),
}


class Table(typing.NamedTuple):
    """What the files hold.

    Attributes:
        vectors: `[n, width]`, maybe of `numpy_files.mapped`.
        labels: `[n]` class numbers or names, or `[n, classes]` 0/1; None where there are none.
        ids: `[n]` text, or None.
        parts: `[n]` text, the part of each item; or None.
        source: the file of the vectors.
    """

    vectors: np.ndarray
    labels: np.ndarray | None
    ids: np.ndarray | None
    parts: np.ndarray | None
    source: str


def read(path, *, labels=True):
    """The `Table` at a path: an .npy, .npz or .parquet file, or a folder with a vectors.npy.

    Beside an .npy file lie labels.npy or labels.csv (with the columns id and label) and, where
    there are some, ids.txt (a line each) and split.npy. A labels.csv may have a column split.

    Args:
        path: as above.
        labels: whether there must be labels.
    Raises:
        ValueError: a file is missing, or can't be read; says what was expected.
    """
    if os.path.isdir(path):
        path = os.path.join(path, VECTORS)
    readers = dict(zip(ENDINGS, (_beside, _npz, _parquet)))
    reader = readers.get(os.path.splitext(path)[1])
    if reader is None:
        raise ValueError(
            f"Expected vectors in an .npy, .npz or .parquet file, or a folder with {VECTORS}. "
            f"Received: `{path}`."
        )
    table = reader(path, labels)
    _check_rows(table)
    return table


def _check_rows(table):
    for name in ("labels", "ids", "parts"):
        column = getattr(table, name)
        if column is not None and len(column) != len(table.vectors):
            raise ValueError(
                f"Expected {name} of all {len(table.vectors)} rows of `{table.source}`. Received: "
                f"{len(column)}."
            )


# ---- .npy, with files beside it


def _beside(path, needed):
    vectors, folder = numpy_files.mapped(path), os.path.dirname(path)
    ids, parts = (_there(folder, name) for name in (IDS, PARTS))
    ids = ids and _lines(ids)
    parts = parts and numpy_files.read(parts)
    listed = {ending: _there(folder, f"{LABELS}.{ending}") for ending in ("npy", "csv")}
    if not needed and not any(listed.values()):
        return Table(vectors, None, ids, parts, path)
    if len([one for one in listed.values() if one]) != 1:
        raise ValueError(
            f"Expected {LABELS}.npy or {LABELS}.csv beside `{path}`. There are "
            + ("both: remove one." if all(listed.values()) else "none.")
        )
    if listed["npy"]:
        return Table(vectors, numpy_files.read(listed["npy"]), ids, parts, path)
    columns = _csv(listed["csv"], ids)
    if parts is None:
        parts = columns.get("split")
    return Table(vectors, columns["label"], columns["id"], parts, path)


def _there(folder, name):
    path = os.path.join(folder, name)
    return path if os.path.exists(path) else None


def _lines(path):
    with _text(path, "a list of ids") as file:
        return np.array(file.read().splitlines())


@contextlib.contextmanager
def _text(path, expected):
    """An open text file; ValueError that names it where it is no UTF-8."""
    files.opened(path, expected).close()
    with open(path, newline="", encoding="utf-8-sig") as file:
        try:
            yield file
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"Expected {expected} at `{path}`: {checks.brief(error)}.") from error


def _csv(path, ids):
    """`{column: [n] text}` of id, label and maybe split, in the order of `ids` where these are
    known."""
    with _text(path, "a CSV file of labels") as file:
        rows = list(csv.DictReader(file))
    names = ["id", "label", *(["split"] if rows and "split" in rows[0] else [])]
    short = [number for number, row in enumerate(rows, 2) if None in map(row.get, names)]
    if not rows or short:
        where = f"line {short[0]} lacks one" if short else "it has no rows"
        raise ValueError(
            f"Expected `{path}` with the columns id and label, named in its first line: {where}."
        )
    if ids is not None:
        by_id = {row["id"]: row for row in rows}
        missing = [one for one in ids.tolist() if one not in by_id]
        if missing or len(by_id) < len(rows):
            fault = "some twice"
            if missing:
                fault = f"{len(missing)} ids have none, as {checks.brief(missing[0])!r}"
            raise ValueError(f"Expected a row of `{path}` for each id of {IDS}: {fault}.")
        rows = [by_id[one] for one in ids.tolist()]
    return {name: np.array([row[name] for row in rows]) for name in names}


# ---- .npz and .parquet


def _npz(path, needed):
    return _of_columns(numpy_files.read_all(path), path, needed)


def _parquet(path, needed):
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError("Reading .parquet files needs pyarrow: pip install pyarrow") from error
    files.opened(path, "a .parquet file").close()
    try:
        table = pyarrow.parquet.read_table(path)
        columns = {name: _column(table.column(name)) for name in table.column_names}
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise ValueError(
            f"Expected a .parquet file of vectors at `{path}`: {checks.brief(error)}."
        ) from error
    return _of_columns(columns, path, needed)


def _column(column):
    """A column of a .parquet file as an array, one of lists as rows of it."""
    from pyarrow import compute, types

    kinds = (types.is_list, types.is_large_list, types.is_fixed_size_list)
    if not any(is_kind(column.type) for is_kind in kinds):
        return column.to_numpy()
    lengths = compute.unique(compute.list_value_length(column)).to_pylist()
    if len(lengths) != 1 or not lengths[0]:
        raise ValueError(f"expected lists of one length. Received: {lengths[:3]}")
    return compute.list_flatten(column).to_numpy().reshape(-1, lengths[0])


def _of_columns(columns, path, needed):
    """The `Table` of `{name: array}`; labels must be there where they are `needed`."""
    found = {}
    for kind, names in COLUMNS.items():
        found[kind] = next((columns[name] for name in names if name in columns), None)
    for kind in ("vectors", "labels") if needed else ("vectors",):
        if found[kind] is None:
            raise ValueError(
                f"Expected {' or '.join(COLUMNS[kind])} in `{path}`. It holds "
                f"{checks.brief(', '.join(sorted(columns)))}."
            )
    return Table(**found, source=path)
