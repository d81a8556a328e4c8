"""What composite quantization and the selection of triplets cost.

    python benchmarks/composite.py --items=54000 --dim=64 --subspaces=4 --subcenters=256

Prints wall and CPU seconds: k-means initialisation, one sweep of codes, codes by word vectors,
least-squares centres; and the selection of triplets from 5000 items in 20 parts, as DTQ does it.
Medians of three; the first call does not count.
"""

import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

import tfhash  # noqa: E402, F401, I001  sets TensorFlow's environment before it is imported
import numpy as np  # noqa: E402
from absl import app, flags as absl_flags  # noqa: E402

from tfhash.data import triplets  # noqa: E402
from tfhash.quantization import composite  # noqa: E402

FLAGS = absl_flags.FLAGS
absl_flags.DEFINE_integer("items", 54000, "Vectors to code.")
absl_flags.DEFINE_integer("dim", 64, "Their width.")
absl_flags.DEFINE_integer("subspaces", 4, "Codebooks.")
absl_flags.DEFINE_integer("subcenters", 256, "Centres of a codebook.")
absl_flags.DEFINE_integer("classes", 10, "Word vectors, and classes of the triplets.")
absl_flags.DEFINE_integer("triplet_items", 5000, "Items that triplets are selected from.")
absl_flags.DEFINE_integer("parts", 20, "Parts that no triplet crosses.")


def show(name, run, times=3):
    """Prints median wall and CPU seconds of a call after a first one; what it gave."""
    result = run()
    both = []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        both.append((time.perf_counter() - wall, time.process_time() - cpu))
    wall, cpu = (statistics.median(values) for values in zip(*both))
    print(f"  {name:<34} {wall:7.2f} s wall  {cpu:7.2f} CPU s")
    return result


def main(_):
    rng = np.random.default_rng(0)
    vectors = np.tanh(rng.standard_normal((FLAGS.items, FLAGS.dim), np.float32))
    words = rng.standard_normal((FLAGS.classes, FLAGS.dim), np.float32)
    books, size = FLAGS.subspaces, FLAGS.subcenters
    print(f"{FLAGS.items} x {FLAGS.dim}, {books} x {size} centres")
    centers = show("k-means", lambda: composite.initial_centers(vectors, books, size, seed=0), 1)
    visits = composite.orders(books, 1, seed=0)
    codes = show("one sweep of codes", lambda: composite.assign(vectors, centers, visits))
    show("one sweep by word vectors",
         lambda: composite.assign(vectors, centers, visits, word_vectors=words))  # fmt: skip
    show("least-squares centres", lambda: composite.update_centers(vectors, codes, centers))
    print(f"triplets of {FLAGS.triplet_items} items in {FLAGS.parts} parts")
    outputs = vectors[: FLAGS.triplet_items]
    labels = np.eye(FLAGS.classes, dtype=np.uint8)[np.arange(len(outputs)) % FLAGS.classes]
    given = {"margin": 30.0, "parts": FLAGS.parts, "seed": 0}
    for strategy in triplets.STRATEGIES:
        found = show(strategy, lambda: triplets.select(outputs, labels, strategy=strategy, **given))
        print(f"    {len(found)} triplets")


if __name__ == "__main__":
    app.run(main)
