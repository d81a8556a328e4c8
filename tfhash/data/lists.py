"""Image lists train.txt, test.txt and database.txt: a path and its labels on each line.

The labels are a 0 or 1 per class or, in lists of the other kind, the number of the one class.
"""

import os
import re

import numpy as np

from tfhash.data import images, splits

FILES = {"train": "train.txt", "query": "test.txt", "database": "database.txt", "val": ""}
SIDE = 256  # pixels, as DeepHash resizes to
NUMBER = re.compile(r"[-+]?\d+(\.\d*)?$")
MOST_CLASSES = 2**16  # of lists of class numbers where their number is not given


def present(data_dir):
    """Whether the three lists lie in a folder."""
    return all(os.path.isfile(os.path.join(data_dir, name)) for name in FILES.values() if name)


def load(dataset, data_dir, image_size=None, classes=None, *, num_classes=0, files=()):
    """`Splits` of the lists in `data_dir`; paths are relative to it or absolute.

    Train is train.txt, labelled, and after it the other images of database.txt and of the list
    to validate with, unlabelled: for methods that learn from both. The kind of the lists is that
    of the first line.

    Args:
        dataset: its name.
        data_dir: the folder of the lists.
        image_size: (height, width) in pixels that images are resized to; None for 256x256.
        classes: their names; None for numbers.
        num_classes: number of classes where they have no names; 0 for as many as are found.
        files: `{part: list}` instead of `FILES`, from here or from `data_dir`; "" for those.
    Raises:
        ValueError: a list or an image is missing, or a line is bad; names file and line.
    """
    sources = _sources(dataset, data_dir, FILES | {p: f for p, f in dict(files).items() if f})
    width = len(classes) if classes else num_classes or None
    numbered = next(filter(None, map(_first_width, sources.values())), 0) == 1
    places, rows = {}, {}
    for part, source in sources.items():
        rows[part] = _read(source, data_dir, places, width, numbered)
        if not numbered and len(rows[part][1]):
            width = rows[part][1].shape[1]
    if numbered:
        numbers = np.concatenate([labels for _, labels in rows.values()])
        width = width or int(numbers.max(initial=-1)) + 1
        rows = {part: (index, np.eye(width, dtype=np.uint8)[labels])
                for part, (index, labels) in rows.items()}  # fmt: skip
    pool = images.FileImages(tuple(places), image_size or (SIDE, SIDE))
    parts = {
        part: splits.Split(pool, index, labels.reshape(-1, width or 0), np.ones(len(index), bool))
        for part, (index, labels) in rows.items()
    }
    for more in ("database", "val"):
        if more in parts:
            parts["train"] = _with_unlabelled(parts["train"], parts[more])
    parts.pop("val", None)
    names = classes or [str(number) for number in range(width or 0)]
    return splits.Splits(dataset, tuple(names), **parts)


def _sources(dataset, data_dir, files):
    """`{part: path of its list}`."""
    sources = {}
    for part, name in files.items():
        if name:
            inside = os.path.join(data_dir, name)
            sources[part] = name if os.path.isfile(name) and name != FILES[part] else inside
    missing = [files[part] for part, path in sources.items() if not os.path.isfile(path)]
    if missing:
        raise ValueError(
            f"Expected the image lists {', '.join(filter(None, files.values()))} of {dataset} in "
            f"`{data_dir}`. Missing: {', '.join(missing)}. Give their folder as --data_dir. A line "
            "is a path and a 0 or 1 per class, or the number of its class, separated by spaces."
        )
    return sources


def _first_width(source):
    """Numbers at the end of the first line of a list that is not blank; 0 where it has none."""
    with open(source, encoding="utf-8", errors="surrogateescape") as file:
        return next((_trailing_numbers(line) for line in file if line.strip()), 0)


def _with_unlabelled(train, others):
    more = np.flatnonzero(~np.isin(others.index, train.index))
    return splits.Split(
        train.images,
        np.concatenate([train.index, others.index[more]]),
        np.concatenate([train.labels, others.labels[more]]),
        np.concatenate([train.labelled, np.zeros(len(more), bool)]),
    )


def _read(source, data_dir, places, width, numbered):
    """The positions `[n]` of a list's images, and their labels `[n, width]` or class numbers `[n]`.

    Args:
        source: the list.
        data_dir: of the images.
        places: `{path: position in the pool}`, to which new paths are added.
        width: number of classes; None takes that of the first line.
        numbered: whether a line has the number of its class.
    """
    index, labels = [], []
    with open(source, encoding="utf-8", errors="surrogateescape") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            if not numbered:
                width = width or _trailing_numbers(line)
            try:
                path, row = (_parse_number if numbered else _parse)(line, width, data_dir)
            except ValueError as error:
                raise ValueError(f"`{source}`, line {number}: {error}") from None
            index.append(places.setdefault(path, len(places)))
            labels.append(row)
    if numbered:
        return np.array(index, np.int64), np.array(labels, np.int64)
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


def _parse_number(line, classes, data_dir):
    """The path of a line and the number of its class, of `classes` or any where that is None."""
    path, *words = line.strip().rsplit(None, 1)
    if not words or not re.fullmatch("[0-9]+", words[0]):
        raise ValueError(f"Expected a path and a class number. Received: {line.strip()!r}.")
    number, most = int(words[0]), classes or MOST_CLASSES
    if number >= most:
        raise ValueError(
            f"Expected a class number from 0 to {most - 1}. Received: {number}."
            f" Use --num_classes={number + 1} if there are so many."
        )
    full = os.path.normpath(os.path.join(data_dir, path))
    if not os.path.isfile(full):
        if _trailing_numbers(line) != 1:
            raise ValueError(f"Expected a path and one class number. Received: {line.strip()!r}.")
        raise ValueError(f"Expected an image at `{full}`. There is no file.")
    return full, number


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
