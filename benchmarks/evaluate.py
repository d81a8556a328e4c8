"""What metrics and search cost, beside the originals.

    python benchmarks/evaluate.py [--largest=10000000]

Prints CPU and wall seconds (medians of three), peak memory beyond codes and labels, and the ratio
to the original's CPU seconds where it was measured. Each measurement runs in a process of its own.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import time

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

from absl import app  # noqa: E402
from absl import flags as absl_flags  # noqa: E402

from tfhash.evaluation.scoring import Encoded, Scoring  # noqa: E402
from tfhash.retrieval import codes, index  # noqa: E402

FLAGS = absl_flags.FLAGS
absl_flags.DEFINE_integer("largest", 10**7, "Items of the largest database of the curve.")
absl_flags.DEFINE_integer("queries", 1000, "Queries.")
absl_flags.DEFINE_string("only", None, "One measurement, as `name items`; used by this script.")

BITS, CLASSES, TOP = 48, 10, 100
# CPU seconds of the originals for 1000 x 54 000 on this kind of machine, from the READMEs of
# tests/golden/deephash and tests/golden/gpq.
ORIGINAL = {"stable": 7.4, "expected": 7.4, "radii": 12.9, "product": 76.0}
TABLE = [
    ("stable", 54_000, "mAP of 48 bits, ties stable"),
    ("expected", 54_000, "mAP of 48 bits, ties expected"),
    ("radii", 54_000, "precision, recall, mAP at all radii, 48 bits"),
    ("product", 54_000, "mAP of 12 x 16 product codes, full ranking"),
    ("search_binary", 54_000, "top 100, 48 bits, FAISS, one thread"),
    ("search_binary", 1_000_000, "top 100, 48 bits, FAISS, one thread"),
    ("search_product", 54_000, "top 100, 12 x 16 product codes, FAISS, one thread"),
]


def binary(items, queries):
    """Random codes and one-hot labels: (codes, queries, encoded query, encoded database)."""
    rng = np.random.default_rng(0)
    words = [rng.integers(0, 2**BITS, (n, 1), dtype=np.uint64) for n in (items, queries)]
    return *(codes.BinaryCodes(w, BITS) for w in words), *labels(items, queries)


def product(items, queries):
    """As `binary`, of 12 codebooks with 16 codewords of 12 dimensions."""
    rng = np.random.default_rng(0)
    books = rng.standard_normal((12, 16, 12)).astype(np.float32)
    chosen = rng.integers(0, 16, (items, 12), dtype=np.uint8)
    vectors = rng.standard_normal((queries, 144)).astype(np.float32)
    return codes.QuantizedCodes(chosen, books), vectors, *labels(items, queries)


def labels(items, queries):
    """The parts with labels of ten classes: query, database."""
    eye = np.eye(CLASSES, dtype=np.uint8)
    return [Encoded(None, eye[np.arange(n) % CLASSES]) for n in (queries, items)]


def searcher(case):
    """A call that searches the top 100 on one thread."""
    import faiss

    faiss.omp_set_num_threads(1)
    searched = index.Index(case[0])
    return lambda: searched.search(case[1], TOP)


def task(name, items):
    """The call to measure."""
    case = (product if "product" in name else binary)(items, FLAGS.queries)
    if name.startswith("search"):
        return searcher(case)
    if name == "radii":
        return lambda: Scoring().radius_curves(*case)
    ties = "expected" if name == "expected" else "stable"
    return lambda: Scoring(ties=ties).mean_average_precision(*case)


def measure(name, items):
    """CPU seconds, wall seconds and MiB of a call, beyond what its inputs take."""
    run = task(name, items)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    both = []
    for _ in range(3 if items <= 10**6 else 1):
        cpu, wall = time.process_time(), time.perf_counter()
        run()
        both.append((time.process_time() - cpu, time.perf_counter() - wall))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return *(statistics.median(values) for values in zip(*both)), peak / 1024


def in_process(name, items):
    """`measure` in a process of its own."""
    command = [sys.executable, __file__, f"--only={name} {items}", f"--queries={FLAGS.queries}"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measured(name, items, text):
    """CPU seconds of a measurement, and the line that shows it."""
    cpu, wall, peak = in_process(name, items)
    line = f"{text:52} {items:>10,}  {cpu:7.3f} CPU s {wall:7.3f} s {peak:7.0f} MiB"
    return cpu, line


def main(_):
    if FLAGS.only:
        name, items = FLAGS.only.split()
        print(json.dumps(measure(name, int(items))))
        return
    print(f"{FLAGS.queries} queries")
    texts = {name: text for name, _, text in TABLE}
    for name, items, text in TABLE:
        cpu, line = measured(name, items, text)
        if name in ORIGINAL:
            line += f"   {cpu / ORIGINAL[name]:.3f} of the original's {ORIGINAL[name]} CPU s"
        print(line, flush=True)
    items = 10_000
    while items <= FLAGS.largest:
        cpu, line = measured("expected", items, texts["expected"])
        print(f"{line}   {cpu / items * 1e6:.2f} CPU s a million items", flush=True)
        items *= 10


if __name__ == "__main__":
    app.run(main)
