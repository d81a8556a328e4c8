"""Curves of a test, as CSV files and one picture."""

import csv
import pathlib

import numpy as np

from tfhash import files
from tfhash.evaluation import pictures
from tfhash.retrieval import bits

CURVES, LEVELS, RADIUS = "curves.csv", "precision_recall.csv", "radius.csv"


def tables(result):
    """`{file: {column: [rows]}}` of the curves of a `results.Result`.

    curves.csv: N, precision@N, recall@N. precision_recall.csv: interpolated precision at levels
    of recall. For Hamming distances also radius.csv: precision, recall and mAP within each Hamming
    radius, and bits.csv: share of ones and entropy of each bit.
    """
    given = result.query, result.database
    means = result.scoring.curves(result.codes, result.queries, *given)
    at_n = {name: means[name] for name in ("N", "precision", "recall")}
    levels = {"recall": means["level"], "precision": means["interpolated"]}
    found = {CURVES: at_n, LEVELS: levels}
    if result.codes.hamming:
        found[RADIUS] = result.scoring.radius_curves(result.codes, result.queries, *given)
        unpacked = result.codes.unpack()
        found["bits.csv"] = {
            "bit": np.arange(result.codes.bits),
            "ones": bits.ones(unpacked),
            "entropy": bits.entropy(unpacked),
        }
    return found


def write(found, folder):
    """Writes what `tables` gave into a folder; the paths."""
    return [_table(pathlib.Path(folder) / name, columns) for name, columns in found.items()]


def picture(found):
    """A figure of precision over recall, precision@N and, if there are, the radius curves.

    Args:
        found: what `tables` gave.
    """
    at_n, levels, radius = (found.get(name) for name in (CURVES, LEVELS, RADIUS))
    panels = [
        ("recall", {"precision": levels["precision"]}, levels["recall"], "linear"),
        ("N", {"precision@N": at_n["precision"], "recall@N": at_n["recall"]}, at_n["N"], "log"),
    ]
    if radius is not None:
        lines = {name: radius[name] for name in ("precision", "recall", "mAP")}
        panels.append(("Hamming radius", lines, radius["radius"], "linear"))
    figure = pictures.figure(4.2 * len(panels), 3.6)
    for axes, (label, lines, x, scale) in zip(figure.subplots(1, len(panels)), panels):
        for name, y in lines.items():
            axes.plot(x, y, label=name, marker="." if len(x) < 40 else None)
        axes.set_xscale(scale)
        axes.set_xlabel(label)
        axes.set_ylim(-0.02, 1.02)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.tight_layout()
    return figure


def _table(path, columns):
    """Writes `{name: [rows]}` as CSV, whole or not at all; the path."""
    with files.whole(path) as partial, open(partial, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(columns)
        rows.writerows(zip(*(np.asarray(column).tolist() for column in columns.values())))
    return path
