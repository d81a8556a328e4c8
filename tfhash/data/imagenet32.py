"""Downsampled ImageNet, 32x32 pixels, in its Python pickles."""

import dataclasses
import os

import numpy as np

from tfhash import unpickle
from tfhash.data import cifar, held_out

BATCHES = tuple(f"train_data_batch_{number}" for number in range(1, 11))
TEST = "val_data"
CLASSES = 1000
TFDS_NAME = "imagenet_resized/32x32"
HELD = 50  # images of each class that are held out of the last batch


def folder_of_pickles(data_dir):
    """`data_dir` or its subfolder Imagenet32, where one of the batches lies in it, or None."""
    for folder in (data_dir, os.path.join(data_dir, "Imagenet32")):
        if any(os.path.isfile(os.path.join(folder, name)) for name in (*BATCHES, TEST)):
            return folder
    return None


def load(folder, image_size=None):
    """`Splits`: batches 1 to 9 train, of batch 10 the first 50 of each class are held out.

    The queries are the validation set. The rest of batch 10 is not used. The stored mean is that
    of the batches, if all of them give the same.

    Args:
        folder: has all eleven files.
        image_size: (height, width) in pixels; None for 32x32.
    Raises:
        ValueError: a file is missing, not a pickle, truncated, or of another shape; names it.
    Original: maestrojeong/Deep-Hash-Table-ICML18, process/imagenet32_process.py.
    """
    parts, means = [], []
    for name in (*BATCHES, TEST):
        rows, labels, mean = _read(os.path.join(folder, name))
        if name == BATCHES[-1]:
            kept = first_of_each(labels, HELD)
            rows, labels = rows[kept], labels[kept]
        parts.append((rows, labels))
        means += [] if name == TEST else [mean]
    labels = np.concatenate([labels for _, labels in parts])
    pixels = np.empty((len(labels), 32, 32, 3), np.uint8)
    starts = np.cumsum([0] + [len(labels) for _, labels in parts])
    for (rows, _), first, stop in zip(parts, starts, starts[1:]):
        pixels[first:stop] = cifar.pixels_of(rows)
    classes = tuple(str(number) for number in range(CLASSES))
    places = {"trained": np.arange(starts[-3]), "held": np.arange(*starts[-3:-1])}
    places["query"] = np.arange(*starts[-2:])
    made = held_out.of_parts("imagenet32", classes, pixels, labels, image_size=image_size, **places)
    train = dataclasses.replace(made.train, stored_mean=_common_mean(means))
    return dataclasses.replace(made, train=train)


def _common_mean(means):
    """`[32, 32, 3]` of pixels from 0 to 1, or None where the files' `[3072]` are not all alike."""
    if any(mean is None or not np.array_equal(mean, means[0]) for mean in means):
        return None
    return (cifar.pixels_of(means[0][None])[0] / 255).astype(np.float32)


def of_arrays(pixels, labels, trained, classes, image_size=None):
    """`Splits` of TFDS' copy: of the first `trained` images 50 of each class are held out.

    Departure: all others train, where the pickles' last batch is not used otherwise.

    Args:
        pixels: `[n, 32, 32, 3]` uint8 RGB.
        labels: `[n]` class numbers.
        trained: number of training images.
        classes: names of the classes.
        image_size: (height, width) in pixels; None for 32x32.
    """
    held = first_of_each(labels[:trained], HELD)
    places = {"trained": np.setdiff1d(np.arange(trained), held), "held": held}
    places["query"] = np.arange(trained, len(labels))
    return held_out.of_parts("imagenet32", classes, pixels, labels, image_size=image_size, **places)


def first_of_each(labels, count):
    """The first `count` positions of each class, class after class."""
    order = np.argsort(labels, kind="stable")
    sorted_labels = labels[order]
    place = np.arange(len(order)) - np.searchsorted(sorted_labels, sorted_labels)
    return order[place < count]


def _read(path):
    """A file's rows `[n, 3072]` uint8, labels `[n]` from 0 on, and mean `[3072]` or None."""
    if not os.path.isfile(path):
        raise ValueError(
            f"Expected {BATCHES[0]} to {BATCHES[-1]} and {TEST} of downsampled ImageNet together. "
            f"`{path}` is missing."
        )
    batch = unpickle.load_pickle(path)
    batch = batch if isinstance(batch, dict) else {}
    rows, labels = (batch.get(name, batch.get(name.encode())) for name in ("data", "labels"))
    rows, labels = unpickle.array(rows), unpickle.array(labels)
    right = rows.dtype == np.uint8 and labels.ndim == 1 and rows.shape == (len(labels), 3072)
    if not right or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"`{path}`: expected data uint8 [n, 3072] and n labels. Received: data {rows.dtype} "
            f"{list(rows.shape)}, labels {labels.dtype} {list(labels.shape)}."
        )
    if len(labels) and not 1 <= labels.min() <= labels.max() <= CLASSES:
        raise ValueError(
            f"`{path}`: expected labels from 1 to {CLASSES}. "
            f"Received: {labels.min()} to {labels.max()}."
        )
    mean = np.asarray(batch.get("mean", batch.get(b"mean")))
    usable = mean.shape == (3072,) and mean.dtype.kind in "fiu" and np.isfinite(mean).all()
    return rows, labels.astype(np.int64) - 1, mean if usable else None
