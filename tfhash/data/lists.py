"""Image lists train.txt, test.txt and database.txt: a path and a 0 or 1 per class on each line."""

import os
import re

import numpy as np

from tfhash.data import images, splits

FILES = {"train": "train.txt", "query": "test.txt", "database": "database.txt"}
SIDE = 256  # pixels, as DeepHash resizes to
NUMBER = re.compile(r"[-+]?\d+(\.\d*)?$")


def present(data_dir):
    """Whether the three lists lie in a folder."""
    return all(os.path.isfile(os.path.join(data_dir, name)) for name in FILES.values())


def load(dataset, data_dir, image_size=None, classes=None):
    """`Splits` of the three lists in `data_dir`; paths are relative to it or absolute.

    Train is train.txt, labelled, and after it the other images of database.txt, unlabelled: for
    methods that learn from both.

    Args:
        dataset: its name.
        data_dir: the folder of the lists.
        image_size: (height, width) in pixels that images are resized to; None for 256x256.
        classes: their names; None for numbers.
    Raises:
        ValueError: a list or an image is missing, or a line is bad; names file and line.
    """
    missing = [n for n in FILES.values() if not os.path.isfile(os.path.join(data_dir, n))]
    if missing:
        raise ValueError(
            f"Expected the image lists {', '.join(FILES.values())} of {dataset} in `{data_dir}`. "
            f"Missing: {', '.join(missing)}. Give their folder as --data_dir. A line is a path "
            "and a 0 or 1 per class, separated by spaces."
        )
    places, rows, width = {}, {}, len(classes) if classes else None
    for part, name in FILES.items():
        index, labels = _read(data_dir, name, places, width)
        rows[part] = index, labels
        width = labels.shape[1] if len(labels) else width
    pool = images.FileImages(tuple(places), image_size or (SIDE, SIDE))
    parts = {
        part: splits.Split(pool, index, labels.reshape(-1, width or 0), np.ones(len(index), bool))
        for part, (index, labels) in rows.items()
    }
    parts["train"] = _with_unlabelled(parts["train"], parts["database"])
    names = classes or [str(number) for number in range(width or 0)]
    return splits.Splits(dataset, tuple(names), **parts)


def _with_unlabelled(train, database):
    more = np.flatnonzero(~np.isin(database.index, train.index))
    return splits.Split(
        train.images,
        np.concatenate([train.index, database.index[more]]),
        np.concatenate([train.labels, database.labels[more]]),
        np.arange(len(train) + len(more)) < len(train),
    )


def _read(data_dir, name, places, width):
    """The positions `[n]` of a list's images and their labels `[n, width]`.

    Args:
        data_dir, name: the list.
        places: `{path: position in the pool}`, to which new paths are added.
        width: number of labels; None takes that of the first line.
    """
    source = os.path.join(data_dir, name)
    index, labels = [], []
    with open(source, encoding="utf-8", errors="surrogateescape") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            width = width or _trailing_numbers(line)
            try:
                path, row = _parse(line, width, data_dir)
            except ValueError as error:
                raise ValueError(f"`{source}`, line {number}: {error}") from None
            index.append(places.setdefault(path, len(places)))
            labels.append(row)
    return np.array(index, np.int64), np.array(labels, np.uint8).reshape(-1, width or 0)


def _parse(line, width, data_dir):
    """The path of a line and its `[width]` labels."""
    path, *words = line.strip().rsplit(None, width)
    digits = "".join(words)
    if len(words) != width or len(digits) != width or digits.strip("01") or not width:
        raise ValueError(_fault(line, width))
    path = os.path.normpath(os.path.join(data_dir, path))
    if not os.path.isfile(path):
        if _trailing_numbers(line) != width:
            raise ValueError(_fault(line, width))
        raise ValueError(f"Expected an image at `{path}`. There is no file.")
    return path, np.frombuffer(digits.encode(), np.uint8) - ord("0")


def _trailing_numbers(line):
    words = line.split()[1:]
    count = 0
    while count < len(words) and NUMBER.match(words[-1 - count]):
        count += 1
    return count


def _fault(line, width):
    count = _trailing_numbers(line)
    if count != width or not width:
        return f"Expected a path and {width or 'its'} labels 0 or 1. Received: {count} labels."
    bad = next(word for word in line.split()[-width:] if word not in ("0", "1"))
    return f"Expected labels 0 or 1. Received: {bad!r}."
