"""Readers of embeddings."""

import numpy as np
import pyarrow
import pyarrow.parquet

from benchmarks.fuzzing import damages, hostile
from benchmarks.fuzzing.cases import Reader
from tfhash.data import embeddings

FILES = ("vectors.npy", "labels.csv", "ids.txt", "all.npz", "all.parquet")


def _embeddings(folder):
    vectors = np.random.default_rng(0).standard_normal((20, 5)).astype(np.float16)
    labels = np.arange(20) % 2
    np.save(folder / "vectors.npy", vectors)
    parts = np.where(labels, "train", "query")
    rows = [
        f"i{number},{label},{part}\n" for number, (label, part) in enumerate(zip(labels, parts))
    ]
    (folder / "labels.csv").write_text("id,label,split\n" + "".join(rows))
    (folder / "ids.txt").write_text("".join(f"i{number}\n" for number in range(20)))
    np.savez(folder / "all.npz", vectors=vectors, labels=labels)
    table = pyarrow.table({"vector": vectors.astype("f4").tolist(), "label": labels})
    pyarrow.parquet.write_table(table, folder / "all.parquet")


def _read_embeddings(folder):
    for name in FILES:
        if name.startswith(("vectors", "all")):
            embeddings.load(folder / name)


READERS = {
    "embeddings": Reader(
        _embeddings,
        FILES,
        _read_embeddings,
        lambda folder: hostile.npy("vectors.npy") | hostile.npz("all.npz"),
        damage=damages.of_archive,
        imports=("pyarrow.parquet",),
    ),
}
