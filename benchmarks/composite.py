"""What the codes of a composite quantizer and the choice of triplets cost.

    python benchmarks/composite.py

Prints CPU and wall seconds, medians of three: a sweep over four codebooks of 256 centres, for the
codes of 54 000 outputs of 64 dimensions, by Euclidean distance (DQN, DTQ) and projected on word
vectors (DVSQ, outputs of 300 dimensions); and DTQ's selection from 5000 outputs in 20 parts.
"""

import os
import statistics
import sys
import time

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

from tfhash.data import triplets  # noqa: E402
from tfhash.quantization import composite  # noqa: E402

ITEMS, BOOKS, WORDS, CLASSES = 54_000, 4, 256, 10


def sweep(dim, word_vectors=None):
    """A call that updates all codes once."""
    rng = np.random.default_rng(0)
    outputs = rng.standard_normal((ITEMS, dim)).astype(np.float32)
    centers = rng.standard_normal((BOOKS * WORDS, dim)).astype(np.float32)
    visits = composite.orders(BOOKS, 1, seed=0)
    return lambda: composite.assign(outputs, centers, visits, word_vectors=word_vectors)


def selection(strategy):
    """A call that selects triplets."""
    rng = np.random.default_rng(0)
    labels = np.eye(CLASSES, dtype=np.uint8)[rng.integers(0, CLASSES, 5000)]
    outputs = rng.standard_normal((5000, 64)).astype(np.float32)
    return lambda: triplets.select(
        outputs, labels, margin=30.0, parts=20, strategy=strategy, seed=0
    )


def main():
    words = np.random.default_rng(1).standard_normal((CLASSES, 300)).astype(np.float32)
    rows = {
        f"sweep, {ITEMS} x 64": sweep(64),
        f"sweep on word vectors, {ITEMS} x 300": sweep(300, words),
        **{f"triplets, {strategy}": selection(strategy) for strategy in triplets.STRATEGIES},
    }
    for name, run in rows.items():
        run()
        both = []
        for _ in range(3):
            cpu, wall = time.process_time(), time.perf_counter()
            run()
            both.append((time.process_time() - cpu, time.perf_counter() - wall))
        cpu, wall = (statistics.median(values) for values in zip(*both))
        print(f"{name:40} {cpu:7.2f} CPU s {wall:7.2f} s", flush=True)


if __name__ == "__main__":
    main()
