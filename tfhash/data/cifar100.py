"""CIFAR-100 in its Python pickles, and the split that Jeong & Song make of it."""

import os

import numpy as np

from tfhash import unpickle
from tfhash.data import cifar, held_out

SUBFOLDER = "cifar-100-python"  # what the published archive unpacks to
FILES = ("train", "test")
CLASSES = 100
TFDS_NAME = "cifar100"


def folder_of_pickles(data_dir):
    """The folder with CIFAR-100's two files, `data_dir` or the archive's folder in it, or None."""
    for folder in (os.path.join(data_dir, SUBFOLDER), data_dir):
        if all(os.path.isfile(os.path.join(folder, name)) for name in FILES):
            return folder
    return None


def load(folder, image_size=None):
    """`Splits` of the pickles in `folder` with their fine labels; see `of_arrays`.

    Raises:
        ValueError: a file is not a pickle, truncated, or of another shape; names it.
    """
    parts = [_read(os.path.join(folder, name)) for name in FILES]
    pixels = np.concatenate([cifar.pixels_of(rows) for rows, _ in parts])
    labels = np.concatenate([labels for _, labels in parts])
    _, counts = np.unique(parts[0][1], return_counts=True)
    if counts.min(initial=2) < 2 or len(counts) * 10 > len(parts[0][1]):
        raise ValueError(
            f"`{os.path.join(folder, FILES[0])}`: expected ten images or more of a class on "
            f"average, and two at least, to hold out a tenth. Received: {len(parts[0][1])} images "
            f"of {len(counts)} classes."
        )
    return of_arrays(pixels, labels, len(parts[0][1]), _names(folder), image_size)


def _read(path):
    batch = unpickle.load_pickle(path)
    try:
        rows, labels = unpickle.array(batch[b"data"]), unpickle.array(batch[b"fine_labels"])
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(
            f"`{path}`: expected a CIFAR-100 file with data and fine_labels."
        ) from error
    right = rows.dtype == np.uint8 and rows.shape == (labels.size, 3072) and labels.ndim == 1
    if not right or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"`{path}`: expected data uint8 [n, 3072] and n fine_labels. Received: data "
            f"{rows.dtype} {list(rows.shape)}, labels {labels.dtype} {list(labels.shape)}."
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < CLASSES:
        raise ValueError(
            f"`{path}`: expected fine_labels from 0 to {CLASSES - 1}. "
            f"Received: {labels.min()} to {labels.max()}."
        )
    return rows, labels.astype(np.int64)


def _names(folder):
    """The names in the archive's file `meta`, or the numbers where it is missing."""
    path = os.path.join(folder, "meta")
    if not os.path.isfile(path):
        return tuple(str(number) for number in range(CLASSES))
    meta = unpickle.load_pickle(path)
    names = meta.get(b"fine_label_names") if isinstance(meta, dict) else None
    right = isinstance(names, list) and all(isinstance(name, (bytes, str)) for name in names)
    if not right or len(names) != CLASSES:
        raise ValueError(f"`{path}`: expected {CLASSES} fine_label_names.")
    return tuple(n.decode(errors="replace") if isinstance(n, bytes) else n for n in names)


def of_arrays(pixels, labels, trained, classes, image_size=None):
    """`Splits`: of the first `trained` images a tenth is held out; the later ones are queries.

    Args:
        pixels: `[n, 32, 32, 3]` uint8 RGB.
        labels: `[n]` class numbers.
        trained: number of training images.
        classes: names of the classes.
        image_size: (height, width) in pixels; None for 32x32.
    Original: maestrojeong/Deep-Hash-Table-ICML18, process/cifar_process.py.
    """
    from sklearn import model_selection

    known, held = model_selection.train_test_split(
        np.arange(trained), test_size=0.1, random_state=40, stratify=labels[:trained]
    )
    parts = {"trained": known, "held": held, "query": np.arange(trained, len(labels))}
    return held_out.of_parts("cifar100", classes, pixels, labels, image_size=image_size, **parts)
