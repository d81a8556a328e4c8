"""What it costs to give the classes of a batch their buckets, beside the paper's own record.

    python benchmarks/matching.py --k=4 --pair_cost=1.0

Prints, for 32 to 512 classes (rows) and buckets (columns), seconds of a solution: wall here, CPU
here, and the original's wall seconds on its authors' machine, of k 4 and a pair cost of 1 alone.
Values are uniform in [0, 1). Medians; the first call does not count.
"""

import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

import numpy as np  # noqa: E402, I001
from absl import app, flags as absl_flags  # noqa: E402

from tfhash.quantization import min_cost_flow  # noqa: E402

FLAGS = absl_flags.FLAGS
absl_flags.DEFINE_integer("k", 4, "Buckets of a class.")
absl_flags.DEFINE_float("pair_cost", 1.0, "Cost of two classes in one bucket.")
absl_flags.DEFINE_integer("times", 5, "Calls measured.")

SIZES = (32, 64, 128, 256, 512)
# maestrojeong/Deep-Hash-Table-ICML18, ortools_exp/time_record.csv: classes by buckets.
PAPER = (
    (0.0061, 0.0116, 0.0232, 0.0471, 0.0949),
    (0.0123, 0.0237, 0.0456, 0.0865, 0.1910),
    (0.0231, 0.0476, 0.0950, 0.1873, 0.3921),
    (0.0522, 0.1002, 0.2020, 0.4206, 0.7895),
    (0.1107, 0.2041, 0.4072, 0.8109, 1.5897),
)


def seconds(classes, buckets):
    """Median wall and CPU seconds of a solution."""
    rng = np.random.default_rng(0)
    both = []
    for _ in range(FLAGS.times + 1):
        values = rng.random((classes, buckets), np.float32)
        wall, cpu = time.perf_counter(), time.process_time()
        min_cost_flow.assign(values, FLAGS.k, pair_cost=FLAGS.pair_cost)
        both.append((time.perf_counter() - wall, time.process_time() - cpu))
    return [statistics.median(values) for values in zip(*both[1:])]


def show(title, rows):
    """Prints a table of seconds."""
    print(title)
    print(" " * 8 + "".join(f"{size:>9}" for size in SIZES))
    for size, row in zip(SIZES, rows):
        print(f"{size:>8}" + "".join(f"{value:9.4f}" for value in row))


def main(_):
    rows = [[seconds(classes, buckets) for buckets in SIZES] for classes in SIZES]
    show("wall seconds", [[wall for wall, _ in row] for row in rows])
    show("CPU seconds", [[cpu for _, cpu in row] for row in rows])
    if (FLAGS.k, FLAGS.pair_cost) == (4, 1.0):
        show("wall seconds of the original, on its machine", PAPER)


if __name__ == "__main__":
    app.run(main)
