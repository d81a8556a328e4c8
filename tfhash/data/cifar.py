"""CIFAR-10 in its Python pickles, and the split that GPQ makes of it."""

import os

import numpy as np

from tfhash import numpy_files, unpickle
from tfhash.data import images, splits

BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
CLASSES = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())
TFDS_NAME = "cifar10"
SUBFOLDER = "cifar-10-batches-py"  # what the published archive unpacks to


def folder_of_pickles(data_dir):
    """The folder with CIFAR-10's batches, `data_dir` or the archive's folder in it, else None."""
    for folder in (data_dir, os.path.join(data_dir, SUBFOLDER)):
        if any(os.path.isfile(os.path.join(folder, name)) for name in BATCHES):
            return folder
    return None


def read_pickles(data_dir):
    """The images of the six batches in `data_dir` or the archive's folder in it, in their order.

    Returns:
        (`[n, 32, 32, 3]` uint8 RGB, `[n]` int64 class numbers).
    Raises:
        ValueError: a batch is missing, not a pickle, truncated, or of another shape; names it.
    """
    folder = folder_of_pickles(data_dir)
    if folder is None:
        raise ValueError(
            f"Expected the CIFAR-10 pickles ({BATCHES[0]} to {BATCHES[-2]}, {BATCHES[-1]}) in "
            f"`{data_dir}` or `{os.path.join(data_dir, SUBFOLDER)}`. There are none."
        )
    batches = [_read_batch(os.path.join(folder, name)) for name in BATCHES]
    labels = np.concatenate([labels for _, labels in batches])
    pixels = np.empty((len(labels), 32, 32, 3), np.uint8)
    start = 0
    for rows, _ in batches:
        pixels[start : start + len(rows)] = pixels_of(rows)
        start += len(rows)
    return pixels, labels


def pixels_of(rows):
    """`[n, 3072]`, the red, the green and the blue plane -> `[n, 32, 32, 3]`."""
    return rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


def _read_batch(path):
    if not os.path.isfile(path):
        raise ValueError(
            f"Expected the CIFAR-10 batches {BATCHES[0]} to {BATCHES[-2]} and {BATCHES[-1]} "
            f"together. `{path}` is missing."
        )
    batch = unpickle.load_pickle(path)
    try:
        rows, labels = unpickle.array(batch[b"data"]), unpickle.array(batch[b"labels"])
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"`{path}`: expected a CIFAR-10 batch with data and labels.") from error
    right = rows.dtype == np.uint8 and rows.shape == (labels.size, 3072) and labels.ndim == 1
    if not right or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"`{path}`: expected data uint8 [n, 3072] and n labels. Received: data {rows.dtype} "
            f"{list(rows.shape)}, labels {labels.dtype} {list(labels.shape)}."
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(CLASSES):
        raise ValueError(
            f"`{path}`: expected labels from 0 to {len(CLASSES) - 1}. "
            f"Received: {labels.min()} to {labels.max()}."
        )
    return rows, labels.astype(np.int64)


def read_order(path):
    """`[n]` integers, the `order` that `gpq_split` takes, from an .npy file.

    Raises:
        ValueError: it is no such file, or holds something else; names it.
    """
    order = numpy_files.read(path)
    if order.ndim != 1 or order.dtype.kind not in "iu":
        raise ValueError(
            f"Expected positions in `{path}`, `[n]` integers. Received: {order.dtype} "
            f"{list(order.shape)}."
        )
    return order


def gpq_split(labels, order=None):
    """Positions of the labelled, unlabelled and query images, as GPQ's prepare_data draws them.

    All images are sorted by label; every 60th is a query. Of the others, in each class, the first
    5/59 are labelled, 500 of CIFAR-10's 5900, and at least one; the rest is unlabelled.
    Departure: the sort is stable. The original's order of the images of a class depends on the
    version of NumPy; a recorded one can be given.

    Args:
        labels: `[n]` class numbers.
        order: `[n]` positions, sorted by label; None for the stable order.
    Returns:
        (labelled, unlabelled, query), int64 positions.
    Original: youngkyunJang/GPQ, utils/cifar10.py, prepare_data.
    """
    stable = np.argsort(labels, kind="stable")
    order = stable if order is None else np.asarray(order, np.int64)
    if not np.array_equal(np.sort(order), np.arange(len(labels))):
        raise ValueError(
            f"Expected `order` to hold each position from 0 to {len(labels) - 1} once. "
            f"Received: {len(order)} positions, {len(np.unique(order))} of them different."
        )
    if not np.array_equal(labels[order], labels[stable]):
        raise ValueError("Expected `order` to sort `labels`. Received an order that does not.")
    is_query = np.arange(len(order)) % 60 == 0
    query, others = order[is_query], order[~is_query]
    labelled, unlabelled = [order[:0]], [order[:0]]
    for label in np.unique(labels):
        members = others[labels[others] == label]
        count = max(1, len(members) * 500 // 5900)
        labelled.append(members[:count])
        unlabelled.append(members[count:])
    return np.concatenate(labelled), np.concatenate(unlabelled), query


def of_arrays(dataset, pixels, labels, image_size=None, order=None):
    """`Splits` of all CIFAR-10 images as GPQ has them; the database is what is unlabelled.

    Args:
        dataset: its name.
        pixels: `[n, 32, 32, 3]` uint8 RGB.
        labels: `[n]` class numbers.
        image_size: (height, width) in pixels; None for 32x32.
        order: as in `gpq_split`.
    """
    labelled, unlabelled, query = gpq_split(labels, order)
    parts = {"labelled": labelled, "unlabelled": unlabelled, "query": query}
    pool = images.ArrayImages(pixels, image_size)
    return splits.of_indices(dataset, CLASSES, pool, labels, database=unlabelled, **parts)
