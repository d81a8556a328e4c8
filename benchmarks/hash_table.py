"""What a training step, the losses and the evaluation of hash tables cost.

    python benchmarks/hash_table.py --what=step
    python benchmarks/hash_table.py --what=losses --batch=1024 --buckets=512
    python benchmarks/hash_table.py --what=evaluation --train=45000 --test=10000

Prints CPU and wall seconds, medians without the first calls, and the peak memory of the process,
which is why each has a process of its own. The original took 3.5 to 4.7 CPU seconds a step at
batch 128 (CIFAR-100), and 2.5 and 5.5 for 10 000 by 2000 items at k 1 and 4; TensorFlow 1.15, two
cores, tests/golden/hash_table/README.md.
"""

import os
import resource
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

import tfhash  # noqa: E402, F401, I001  sets TensorFlow's environment before it is imported
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from absl import app, flags as absl_flags  # noqa: E402

from tfhash import data  # noqa: E402
from tfhash.evaluation import table_scoring  # noqa: E402
from tfhash.losses import hash_table as losses  # noqa: E402
from tfhash.methods.hash_table import Config  # noqa: E402
from tfhash.model import Model  # noqa: E402
from tfhash.training.trainer import Trainer  # noqa: E402

FLAGS = absl_flags.FLAGS
absl_flags.DEFINE_enum("what", "evaluation", ["step", "losses", "evaluation"], "What to measure.")
absl_flags.DEFINE_integer("batch", 128, "Images of a step.")
absl_flags.DEFINE_integer("buckets", 64, "Buckets, and width of the embedding.")
absl_flags.DEFINE_integer("train", 10000, "Items of the table.")
absl_flags.DEFINE_integer("test", 2000, "Queries.")
absl_flags.DEFINE_integer("classes", 100, "Classes.")
absl_flags.DEFINE_integer("times", 5, "Calls measured.")


def show(name, run):
    """Prints median CPU and wall seconds of a call after a first one."""
    run()
    both = []
    for _ in range(FLAGS.times):
        cpu, wall = time.process_time(), time.perf_counter()
        run()
        both.append((time.process_time() - cpu, time.perf_counter() - wall))
    cpu, wall = (statistics.median(values) for values in zip(*both))
    print(f"  {name:<28} {cpu:8.3f} CPU s  {wall:8.3f} s wall")


class Clock(tf.keras.callbacks.Callback):
    """CPU and wall seconds at the end of each step."""

    def __init__(self):
        super().__init__()
        self.marks = []

    def on_train_batch_end(self, batch, logs=None):
        self.marks.append((time.process_time(), time.perf_counter()))


def step():
    """Steps of the hash stage on 32x32 noise, input included; the first two do not count."""
    rng = np.random.default_rng(0)
    count = 8 * FLAGS.classes
    pool = data.ArrayImages(rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8))
    labels = np.eye(FLAGS.classes, dtype=np.uint8)[np.arange(count) % FLAGS.classes]
    train = data.Split(pool, np.arange(count), labels, np.ones(count, bool))
    names, classes = tuple(map(str, range(FLAGS.classes))), min(FLAGS.batch // 2, FLAGS.classes)
    for loss in ("npair", "triplet"):
        sizes = {"batch_size": FLAGS.batch, "batch_classes": classes, "buckets": FLAGS.buckets}
        config = Config(stage="hash", hash_loss=loss, **sizes)
        trainer, clock = Trainer(Model("hash_table", config, classes=names)), Clock()
        trainer.fit(train, epochs=1, steps_per_epoch=FLAGS.times + 2, callbacks=[clock])
        cpu, wall = np.median(np.diff(clock.marks[1:], axis=0), axis=0)
        print(f"  step, {loss:<22} {cpu:8.3f} CPU s  {wall:8.3f} s wall")


def of_losses():
    """Losses and gradients of a batch, and of its triplets."""
    n, rng = FLAGS.batch // 2, np.random.default_rng(0)
    vectors = [tf.Variable(rng.normal(size=(n, FLAGS.buckets)).astype(np.float32)) for _ in "ap"]
    chosen = np.eye(FLAGS.buckets, dtype=np.float32)[np.arange(n) % FLAGS.buckets]
    whole, labels = np.repeat(chosen, 2, axis=0), np.eye(n, dtype=np.float32)

    def triplets(images):
        distances = losses.active_l1(images, images, whole, k=1)
        return losses.semi_hard_triplets(distances, np.repeat(labels, 2, axis=0), margin=1.0)

    def npair(similarities):
        return lambda a, p: losses.npairs(similarities(a, p), labels)

    both = tf.Variable(tf.concat(vectors, axis=0))
    for name, given, loss in (
        ("npair h1", vectors, npair(lambda a, p: losses.active_inner_products(a, p, chosen))),
        ("npair h2", vectors, npair(lambda a, p: -losses.active_l1(a, p, chosen, k=1))),
        ("triplet", [both], triplets),
    ):

        @tf.function
        def gradients(given=given, loss=loss):
            with tf.GradientTape() as tape:
                value = loss(*[v + 0 for v in given])
            return tape.gradient(value, given)

        show(f"{name}, {FLAGS.batch} x {FLAGS.buckets}", gradients)


def evaluation():
    """A hash stage's evaluation: queries in a table of their own and in that of the items."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(FLAGS.classes, FLAGS.buckets))

    def part(count):
        numbers = rng.integers(FLAGS.classes, size=count)
        near = [centres[numbers] + s * rng.normal(size=(count, FLAGS.buckets)) for s in (1.3, 1)]
        vectors, values = (points.astype(np.float32) for points in near)
        return table_scoring.Part(vectors, np.eye(FLAGS.classes, dtype=np.uint8)[numbers], values)

    test, train = part(FLAGS.test), part(FLAGS.train)
    print(f"{FLAGS.train} x {FLAGS.test} items, {FLAGS.buckets} buckets")
    for k in (1, 4):
        show(f"k {k}", lambda k=k: table_scoring.of_table(k, test, test, train))


def main(_):
    {"step": step, "losses": of_losses, "evaluation": evaluation}[FLAGS.what]()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory {peak:.2f} GiB")


if __name__ == "__main__":
    app.run(main)
