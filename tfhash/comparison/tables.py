"""The table of a comparison as Markdown and CSV, and its figure."""

import csv
import pathlib

import numpy as np

from tfhash import files
from tfhash.evaluation import pictures

TABLE, ROWS, FIGURE = "table.md", "table.csv", "map_over_bytes.png"
COST = "training_cpu_s"
DIGITS = {"bytes": 0, "bits": 0, COST: 0, "encode_ms": 3, "search_ms": 3}  # after the point; else 3


def write(records, folder, title):
    """Writes table.md, table.csv and map_over_bytes.png; the paths.

    Args:
        records: `[(method, bits or None, {measure: value})]`, of each training.
        folder: where to.
        title: a line on what was compared.
    """
    folder, rows = pathlib.Path(folder), grouped(records)
    with files.whole(folder / TABLE) as partial:
        partial.write_text(f"{title}\n\n{markdown(rows)}")
    with files.whole(folder / ROWS) as partial, open(partial, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows(_lines(rows))
    paths = [folder / TABLE, folder / ROWS]
    drawn = pictures.attempt(lambda: pictures.save(figure(rows), folder / FIGURE), FIGURE)
    return [*paths, drawn] if drawn else paths


def grouped(records):
    """`{(method, bits): {measure: [value of each training]}}`, in their order."""
    rows = {}
    for method, bits, measures in records:
        row = rows.setdefault((method, bits), {})
        for name, value in measures.items():
            row.setdefault(name, []).append(value)
    return rows


def _measures(rows):
    """The names of all measures, in their order."""
    return list(dict.fromkeys(name for row in rows.values() for name in row))


def markdown(rows):
    """A table of `grouped` records: the mean, and where trainings differ the least and most."""
    names = _measures(rows)
    lines = [["method", "bits", *names], ["---"] * (2 + len(names))]
    for (method, bits), row in rows.items():
        cells = [_spread(row.get(name, []), DIGITS.get(name, 3)) for name in names]
        lines.append([method, "" if bits is None else str(bits), *cells])
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _spread(values, digits):
    if not values:
        return ""
    mean, least, most = (f"{f(values):.{digits}f}" for f in (np.mean, min, max))
    return mean if least == most else f"{mean} ({least} to {most})"


def _lines(rows):
    """Lines of the CSV file: of each measure its mean, least and most."""
    names = _measures(rows)
    kinds = {"": np.mean, "_least": min, "_most": max}
    yield ["method", "bits", "trainings", *(name + end for name in names for end in kinds)]
    for (method, bits), row in rows.items():
        values = [f(row[name]) if name in row else "" for name in names for f in kinds.values()]
        yield [method, bits, len(row["mAP"]), *values]


def figure(rows):
    """mAP against the bytes of a code, a line with its spread for each method; where classes were
    held out, of these and of the others too."""
    from matplotlib import colormaps

    names = [name for name in ("mAP", "mAP_seen", "mAP_unseen") if name in _measures(rows)]
    picture = pictures.figure(4.6 * len(names) + 1.2, 3.8)
    for axes, name in zip(np.ravel(picture.subplots(1, len(names), sharey=True)), names):
        axes.set_prop_cycle(color=colormaps["tab20"].colors)
        for method in dict.fromkeys(method for method, _ in rows):
            own = [row for (other, _), row in rows.items() if other == method and name in row]
            sizes = np.array([np.mean(row["bytes"]) for row in own])
            means, least, most = (
                np.array([f(row[name]) for row in own]) for f in (np.mean, min, max)
            )
            spread = np.maximum([means - least, most - means], 0)
            axes.errorbar(sizes, means, spread, marker=".", capsize=2, label=method)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("bytes of a code")
        axes.set_title(name)
        axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    picture.tight_layout()
    return picture
