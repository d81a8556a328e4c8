"""What a training on vectors in a file costs: memory, and the time that it waits for input.

    python benchmarks/vectors.py --rows=100000
    python benchmarks/vectors.py --rows=1000000

Writes random float16 vectors of ten classes, trains a linear layer on them by `--method`, one pass
or `--steps` steps, and prints milliseconds of a step, the share of the time that steps waited for
input, and the largest memory of the process. The first two steps do not count.
"""

import os
import pathlib
import resource
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

import tfhash  # noqa: E402, F401, I001  sets TensorFlow's environment before it is imported
import numpy as np  # noqa: E402
from absl import app, flags as absl_flags  # noqa: E402

from tfhash import locks, settings  # noqa: E402
from tfhash.lazy import keras  # noqa: E402
from tfhash.training import distribution, runs  # noqa: E402

FLAGS = absl_flags.FLAGS
absl_flags.DEFINE_integer("rows", 100_000, "Vectors.")
absl_flags.DEFINE_integer("width", 768, "Numbers of a vector.")
absl_flags.DEFINE_string("method", "csq", "The method.")
absl_flags.DEFINE_integer("batch", 256, "Vectors of a step.")
absl_flags.DEFINE_integer("steps", 0, "Steps; 0: one pass.")
absl_flags.DEFINE_string("folder", None, "For the vectors, for a while; default: the system's.")
BLOCK = 50_000  # vectors written at once


def write_vectors(folder):
    """vectors.npy, block by block, and labels.npy."""
    rng, path = np.random.default_rng(0), folder / "vectors.npy"
    shape = (FLAGS.rows, FLAGS.width)
    with open(path, "wb") as file:
        header = {"descr": "<f2", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for first in range(0, FLAGS.rows, BLOCK):
            rows = min(BLOCK, FLAGS.rows - first)
            block = rng.standard_normal((rows, FLAGS.width), dtype=np.float32)
            file.write(block.astype(np.float16).tobytes())
    np.save(folder / "labels.npy", np.arange(FLAGS.rows) % 10)
    return path.stat().st_size


class Clock(keras.callbacks.Callback):
    """When a step ended, and how long all before it had waited for input."""

    def __init__(self, trainer):
        super().__init__()
        self.trainer, self.marks = trainer, []

    def on_train_batch_end(self, batch, logs=None):
        self.marks.append((time.perf_counter(), self.trainer.wait_seconds))


def train(folder):
    """Trains; the `[steps, 2]` marks of the clock."""
    given = {"dataset": f"embeddings:{folder}", "img_model": "identity", "batch_size": FLAGS.batch}
    asked = settings.settle(FLAGS.method, given | {"model": f"{folder}/m"})
    with locks.held(asked.model):
        run = runs.start(asked, strategy=distribution.strategy(""))
        clock, steps = Clock(run.trainer), FLAGS.steps or run.steps_per_epoch
        run.trainer.fit(run.splits.train, epochs=1, steps_per_epoch=steps, callbacks=[clock])
    return np.array(clock.marks)


def main(_):
    with tempfile.TemporaryDirectory(dir=FLAGS.folder) as folder:
        size = write_vectors(pathlib.Path(folder))
        marks = train(folder)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{FLAGS.method}, {FLAGS.rows} x {FLAGS.width} float16, {size / 2**30:.2f} GiB")
    if len(marks) > 2:  # a baseline has one
        wall, waited = marks[-1] - marks[1]
        wait = f"input wait {waited / wall:.1%} of the time"
        milliseconds = 1000 * wall / (len(marks) - 2)
        print(f"  {len(marks)} steps of {FLAGS.batch}, {milliseconds:.1f} ms each, {wait}")
    print(f"  peak memory  {memory:.2f} GiB")


if __name__ == "__main__":
    app.run(main)
