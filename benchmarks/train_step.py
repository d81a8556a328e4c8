"""What a training step and encoding cost, beside the matrix products of this processor.

    python benchmarks/train_step.py --method=gpq --batch=64 --image_size=32
    python benchmarks/train_step.py --method=hashnet --settings=img_model=ResNet18 --batch=8 \\
        --image_size=224

Prints, for each precision: images per second, CPU seconds per step, GFLOP per CPU second and its
share of the processor's peak as measured here, the share of the time spent waiting for input,
and images encoded per CPU second. Medians; the first two steps do not count.
"""

import dataclasses
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

from tfhash import data, methods  # noqa: E402
from tfhash.model import Model  # noqa: E402
from tfhash.training.trainer import Trainer  # noqa: E402

FLAGS = absl_flags.FLAGS
absl_flags.DEFINE_string("method", "gpq", "The method.")
absl_flags.DEFINE_integer("batch", 64, "Images of a stream in a step.")
absl_flags.DEFINE_integer("image_size", 32, "Pixels of a side.")
absl_flags.DEFINE_integer("steps", 8, "Steps measured.")
absl_flags.DEFINE_list("settings", [], "Settings of the method, such as img_model=ResNet18.")
absl_flags.DEFINE_list("precisions", ["float32"], "float32, mixed_bfloat16, mixed_float16.")

# CPU seconds of a step of the originals, and images encoded a CPU second; None: not measured.
# TensorFlow 1.15.5 or PyTorch 2.13, two cores of an AMD EPYC; README.md of tests/golden/*.
ORIGINAL = {
    ("gpq", "fixed_vgg", 64, 32): (6.0, 135),
    ("dch", "alexnet", 32, 256): (2.6, 16 / 3.1),
    ("hashnet", "ResNet18", 8, 224): (2.4, 1 / 0.043),
    ("hashnet", "AlexNet", 8, 224): (1.3, 1 / 0.019),
    ("latent", "bvlc_alexnet", 32, 227): (1.25, None),
}


def noise_splits(count, size):
    """Random images with random labels; half of the training part is labelled."""
    rng = np.random.default_rng(0)
    pool = data.ArrayImages(rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8))
    labels = np.eye(10, dtype=np.uint8)[np.arange(count) % 10]
    part = data.Split(pool, np.arange(count), labels, np.arange(count) < count // 2)
    names = tuple(str(number) for number in range(10))
    return data.Splits("noise", names, train=part, query=part, database=part)


def peak_gflops():
    """GFLOP per CPU second of a float32 matrix product: the best of seven medians."""
    size = 2048
    matrix = tf.random.normal([size, size])
    product = tf.function(lambda: tf.matmul(matrix, matrix))
    product()
    return max(2 * size**3 / 1e9 / cpu_seconds(product, 3)[0] for _ in range(7))


def cpu_seconds(run, times):
    """Median CPU and wall seconds of a call."""
    both = []
    for _ in range(times):
        cpu, wall = time.process_time(), time.perf_counter()
        run()
        both.append((time.process_time() - cpu, time.perf_counter() - wall))
    return [statistics.median(values) for values in zip(*both)]


def gflop_per_image(recipe, split):
    """Multiplications and additions of a forward pass of one image in training."""
    images = recipe.augment(tf.constant(split.read([0])), tf.zeros([2], tf.int64))
    network = tf.function(lambda x: recipe.network(x, training=True))
    graph = network.get_concrete_function(tf.TensorSpec(images.shape, images.dtype)).graph
    total = 0
    for operation in graph.get_operations():
        if operation.type in ("Conv2D", "MatMul"):
            # Each element of the result is a sum over all but the last axis of the kernel.
            kernel = operation.inputs[1].shape
            total += 2 * operation.outputs[0].shape.num_elements() * int(np.prod(kernel[:-1]))
    return total / 1e9


def measure(precision, peak):
    """Prints the figures of one precision."""
    splits = noise_splits(4 * FLAGS.batch, FLAGS.image_size)
    module = methods.load(FLAGS.method)
    config = dataclasses.replace(module.Config(), batch_size=FLAGS.batch, **settings())
    model = Model(FLAGS.method, config, classes=splits.classes, precision=precision)
    trainer, recipe = Trainer(model), model.recipe
    steps = Clock(trainer)
    trainer.fit(splits.train, epochs=1, steps_per_epoch=FLAGS.steps + 2, callbacks=[steps])
    cpu, wall, waited = steps.medians()
    images = FLAGS.batch * len(recipe.streams)
    gflop = 3 * images * gflop_per_image(recipe, splits.train)
    sample = splits.database.subset(np.arange(2 * FLAGS.batch))
    model.embed(sample)
    encode, seconds = cpu_seconds(lambda: model.embed(sample), 3)
    count = len(sample)
    print(f"{FLAGS.method} {precision}, {images} images of {FLAGS.image_size} pixels a step")
    print(
        f"  step            {cpu:8.2f} CPU s   {wall:6.2f} s wall   {images / wall:6.0f} images/s"
    )
    print(
        f"  products        {gflop / cpu:8.0f} GFLOP / CPU s, {gflop / cpu / peak:.0%} of the peak"
    )
    print(f"  input wait      {waited:8.1%} of the time")
    print(
        f"  encoding        {count / encode:8.1f} images / CPU s   {count / seconds:.1f} images/s"
    )
    known = ORIGINAL.get((FLAGS.method, config.img_model, FLAGS.batch, FLAGS.image_size))
    if known:
        more = f", {count / encode / known[1]:.2f} of its images / CPU s" if known[1] else ""
        print(f"  to the original {cpu / known[0]:8.2f} of its CPU s a step{more}")


def settings():
    """`{setting: value}` of --settings, of the types of the method's defaults."""
    default = methods.load(FLAGS.method).Config()
    pairs = [setting.split("=", 1) for setting in FLAGS.settings]
    return {name: type(getattr(default, name))(value) for name, value in pairs}


class Clock(tf.keras.callbacks.Callback):
    """CPU and wall seconds of each step, and the time it waited for input."""

    def __init__(self, trainer):
        super().__init__()
        self.trainer = trainer
        self.marks = []

    def on_train_batch_end(self, batch, logs=None):
        mark = (time.process_time(), time.perf_counter(), self.trainer.wait_seconds)
        self.marks.append(mark)

    def medians(self):
        """Median CPU and wall seconds of a step without the first two; share of waiting."""
        marks = np.array(self.marks[1:])
        cpu, wall, _ = np.median(np.diff(marks, axis=0), axis=0)
        first, last = marks[0], marks[-1]
        return cpu, wall, (last[2] - first[2]) / (last[1] - first[1])


def main(_):
    peak = peak_gflops()
    print(f"matrix product 2048: {peak:.0f} GFLOP / CPU s")
    for precision in FLAGS.precisions:
        measure(precision, peak)
    peak_memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory {peak_memory:.1f} GiB")


if __name__ == "__main__":
    app.run(main)
