"""What the search from coarse to fine costs: candidates by Hamming distance, order by features.

    python benchmarks/two_step.py --queries=1000 --items=50000 --dim=4096

Prints wall and CPU seconds with the threshold of latent hashing, and with one that lets every
item through. Codes are those of ten classes with some bits flipped.
"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

import numpy as np  # noqa: E402, I001
from absl import app, flags as absl_flags  # noqa: E402

from tfhash.heads.two_step import listed_precision  # noqa: E402
from tfhash.methods import latent  # noqa: E402
from tfhash.retrieval import codes, two_step  # noqa: E402
from tfhash.retrieval.relevance import Relevance  # noqa: E402

FLAGS = absl_flags.FLAGS
absl_flags.DEFINE_integer("queries", 1000, "Queries.")
absl_flags.DEFINE_integer("items", 50000, "Items of the database.")
absl_flags.DEFINE_integer("dim", 4096, "Width of the features.")
absl_flags.DEFINE_integer("bits", 48, "Length of a code.")
absl_flags.DEFINE_float("flipped", 0.06, "Share of the bits of a class that an item has flipped.")


def part(count, centres, rng):
    """Codes with features of `count` items, and their labels."""
    classes = np.arange(count) % len(centres)
    flips = rng.random((count, FLAGS.bits)) < FLAGS.flipped
    features = rng.random((count, FLAGS.dim), dtype=np.float32)
    features[np.arange(count), classes] += 8
    both = codes.RerankedCodes(
        codes.BinaryCodes.from_bits(centres[classes] ^ flips),
        codes.FloatCodes(features, "euclidean"),
    )
    return both, np.eye(len(centres), dtype=np.uint8)[classes]


def main(_):
    rng = np.random.default_rng(0)
    centres = rng.random((10, FLAGS.bits)) < 0.5
    database, labels = part(FLAGS.items, centres, rng)
    query, query_labels = part(FLAGS.queries, centres, rng)
    config = latent.Config()
    for threshold in (config.threshold, FLAGS.bits):
        wall, cpu = time.perf_counter(), time.process_time()
        listed = two_step.search(database, query, threshold, config.k)
        precision = listed_precision(listed, Relevance(query_labels, labels))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        what = f"{FLAGS.queries} x {FLAGS.items}, within {threshold:2} bits"
        print(f"{what}: {wall:.1f} s wall, {cpu:.1f} CPU s, precision {precision:.3f}")


if __name__ == "__main__":
    app.run(main)
