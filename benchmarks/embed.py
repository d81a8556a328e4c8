"""What embedding costs, beside the same network in bare Keras.

    python benchmarks/embed.py --members=ResNet50,MobileNetV3Small --image_size=224

Both have the same weights and take the same images, of an array and of JPEG files, in turns.
Prints images per CPU second and per second, the ratios of tfhash's seconds to those of
`keras.Model.predict` with Keras' own preprocessing and loading of files, and how far the vectors
are apart. Medians; the first turn does not count.
"""

import importlib
import os
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

import tfhash  # noqa: E402, F401, I001  sets TensorFlow's environment before it is imported
import cv2  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from absl import app, flags as absl_flags  # noqa: E402

from tfhash.data import images as pools  # noqa: E402
from tfhash.embedding import encoders, sources  # noqa: E402
from tfhash.embedding.rows import Rows  # noqa: E402
from tfhash.embedding.settings import Embed  # noqa: E402
from tfhash.settings import Images  # noqa: E402

FLAGS = absl_flags.FLAGS
absl_flags.DEFINE_list(
    "members", ["ResNet50", "MobileNetV3Small", "EfficientNetV2B0"], "Networks of Keras."
)
absl_flags.DEFINE_integer("image_size", 224, "Pixels of a side.")
absl_flags.DEFINE_integer("images", 256, "Images of a turn.")
absl_flags.DEFINE_integer("batch", 32, "Images at once.")
absl_flags.DEFINE_integer("turns", 7, "Turns that count.")


def jpegs(folder, images):
    """Writes images into a folder; of the network's size, since the two resize otherwise."""
    for number, image in enumerate(images):
        cv2.imwrite(f"{folder}/{number:04}.jpg", image)


class Bare:
    """A network of keras.applications as Keras' documentation uses it."""

    def __init__(self, member):
        keras.utils.set_random_seed(0)
        side = FLAGS.image_size
        made = getattr(keras.applications, member)
        options = {"include_top": False, "weights": None, "pooling": "avg"}
        self.model = made(input_shape=(side, side, 3), **options)
        module = importlib.import_module(made.__module__)
        self.prepare = module.preprocess_input

    def of_array(self, images):
        """The vectors of `[n, side, side, 3]` uint8."""
        prepared = self.prepare(images.astype(np.float32))
        return self.model.predict(prepared, batch_size=FLAGS.batch, verbose=0)

    def of_files(self, folder):
        """The vectors of the files of a folder."""
        dataset = keras.utils.image_dataset_from_directory(
            folder,
            labels=None,
            shuffle=False,
            batch_size=FLAGS.batch,
            image_size=(FLAGS.image_size,) * 2,
            verbose=False,
        )
        dataset = dataset.map(self.prepare, num_parallel_calls=tf.data.AUTOTUNE)
        return self.model.predict(dataset.prefetch(tf.data.AUTOTUNE), verbose=0)


class Ours:
    """The same network as run_embed.py uses it, with the weights of a `Bare`."""

    def __init__(self, member, bare, folder):
        self.path = os.path.join(folder, "weights.h5")
        bare.model.save(self.path)
        asked = Embed(img_model=f"keras:{member}", pretrained=self.path)
        options = Images(image_size=FLAGS.image_size)
        self.encoder = encoders.of_backbone(asked, options, tf.distribute.get_strategy())

    def of_array(self, images):
        """The vectors of `[n, side, side, 3]` uint8."""
        ids = tuple(map(str, range(len(images))))
        return self._written(sources.Source("array", pools.ArrayImages(images), ids))

    def of_files(self, folder):
        """The vectors of the files of a folder."""
        return self._written(sources.of(folder, Images()))

    def _written(self, source):
        part = sources.part(source, self.encoder.side, self.encoder.source)
        rows = Rows(f"{self.path}.npy", len(part), "")
        for batch in self.encoder.batches(part, FLAGS.batch):
            rows.append(batch)
        rows.finish()
        return np.load(rows.path)


def timed(run):
    """CPU and wall seconds of a call."""
    cpu, wall = time.process_time(), time.perf_counter()
    run()
    return time.process_time() - cpu, time.perf_counter() - wall


def compare(title, bare, ours):
    """Prints one line for two calls, which take turns."""
    apart = np.abs(bare() - ours()).max() / np.abs(bare()).max()
    turns = [(timed(bare), timed(ours)) for _ in range(FLAGS.turns)]
    (bare_cpu, bare_wall), (cpu, wall) = (
        [statistics.median(seconds) for seconds in zip(*one)] for one in zip(*turns)
    )
    count = FLAGS.images
    print(
        f"{title:30} {count / cpu:6.1f} images / CPU s {count / wall:6.1f} / s   of Keras' seconds:"
        f" CPU {cpu / bare_cpu:.3f}, wall {wall / bare_wall:.3f}   vectors apart {apart:.0e}",
        flush=True,
    )


def main(_):
    images = np.random.default_rng(0).integers(0, 256, (FLAGS.images, 8, 8, 3), dtype=np.uint8)
    side = (FLAGS.image_size,) * 2
    images = np.stack([cv2.resize(one, side, interpolation=cv2.INTER_CUBIC) for one in images])
    for member in FLAGS.members:
        with tempfile.TemporaryDirectory() as weights, tempfile.TemporaryDirectory() as folder:
            jpegs(folder, images)
            bare = Bare(member)
            ours = Ours(member, bare, weights)
            name = f"{member}, {side[0]} pixels"
            compare(f"{name}, array", lambda: bare.of_array(images), lambda: ours.of_array(images))
            compare(f"{name}, files", lambda: bare.of_files(folder), lambda: ours.of_files(folder))


if __name__ == "__main__":
    app.run(main)
