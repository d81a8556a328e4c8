"""Readers of what a test and a search take."""

import numpy as np
import scipy.io
import scipy.sparse

from benchmarks.fuzzing import cases, damages, hostile
from benchmarks.fuzzing.cases import Reader
from tfhash.retrieval import base, codes, index, relevance

RNG = np.random.default_rng(0)
MATRIX = np.eye(5, 7, dtype=np.uint8)


def _relevance(folder):
    np.save(folder / "s.npy", MATRIX)
    scipy.io.savemat(folder / "s.mat", {"label_Similarity": MATRIX}, do_compression=True)
    scipy.io.savemat(folder / "sparse.mat", {"s": scipy.sparse.csc_matrix(MATRIX.astype(float))})


def _read_relevance(folder):
    for name in ("s.npy", "s.mat", "sparse.mat"):
        relevance.read_matrix(folder / name)


def _hostile_relevance(folder):
    return hostile.npy("s.npy") | hostile.mat("sparse.mat")


BOOKS = RNG.standard_normal((3, 16, 5)).astype(np.float32)
KINDS = {
    "binary": lambda: codes.BinaryCodes.from_bits(RNG.integers(0, 2, (7, 70))),
    "product": lambda: codes.QuantizedCodes(RNG.integers(0, 16, (7, 3)), BOOKS),
    "additive": lambda: codes.AdditiveCodes(RNG.integers(0, 16, (7, 3)), BOOKS, "euclidean"),
    "floats": lambda: codes.FloatCodes(RNG.standard_normal((7, 5)), "euclidean"),
    "segments": lambda: codes.ProductCodes(RNG.integers(0, 16, (7, 3)), BOOKS),
    "rabitq": lambda: codes.RaBitQCodes.from_vectors(RNG.standard_normal((7, 5)), np.zeros(5)),
}
CODES = tuple(f"{name}.npz" for name in KINDS)
INDEXES = (*(f"{name}.faiss" for name in KINDS), "hash.faiss")


def _codes(folder):
    for name, made in KINDS.items():
        made().save(folder / f"{name}.npz")


def _read_codes(folder):
    for name in CODES:
        loaded = base.Codes.load(folder / name)
        with cases.named(name):
            loaded.distances(loaded.queries_to_save(loaded))


def _indexes(folder):
    _codes(folder)
    for name in KINDS:
        index.Index(base.Codes.load(folder / f"{name}.npz")).save(folder / f"{name}.faiss")
    binary = base.Codes.load(folder / "binary.npz")
    index.Index(binary, approximate=True).save(folder / "hash.faiss")


def _read_indexes(folder):
    for name in INDEXES:
        kept = base.Codes.load(folder / name.replace("faiss", "npz").replace("hash", "binary"))
        loaded = index.Index.load(folder / name, kept)
        queries = kept if kept.hamming else kept.decode()
        loaded.search(queries, 3)


READERS = {
    "relevance": Reader(
        _relevance, ("s.npy", "s.mat", "sparse.mat"), _read_relevance, _hostile_relevance
    ),
    "codes": Reader(
        _codes,
        CODES,
        _read_codes,
        lambda folder: hostile.npz("binary.npz"),
        damage=damages.of_archive,
    ),
    "faiss": Reader(_indexes, INDEXES, _read_indexes, imports=("faiss",)),
}
