"""Image lists train.txt, test.txt and database.txt: a path and its labels on each line.

The labels are a 0 or 1 per class or, in lists of the other kind, the number of the one class.
"""

import itertools
import os
import re

import numpy as np

from tfhash import checks
from tfhash.data import images, places, splits

FILES = {"train": "train.txt", "query": "test.txt", "database": "database.txt", "val": ""}
NAMES = tuple(filter(None, FILES.values()))
TELLING = (FILES["train"], FILES["query"])  # a folder of lists has them; of a database not always
SIDE = 256  # pixels, as DeepHash resizes to
NUMBER = re.compile(r"[-+]?\d+(\.\d*)?$")
# Of lists of class numbers where the number of classes is not given: classes, and bytes of labels,
# a byte for each image and class.
MOST_CLASSES, MOST_LABELS = 2**16, 2**28
MOST_LETTERS = 600  # of an error about a line
FIRST_LINES = 20  # that tell which folder the paths of a list begin at


def folder(dataset, data_dir):
    """`data_dir` or the folder of the dataset's name in it, where its lists lie, or None."""
    for place in places.folders(data_dir, dataset):
        if _count(place, TELLING) == len(TELLING):
            return place
    return None


def width(folder):
    """Numbers that follow a path in the list to train with in a folder; 1 for a class number."""
    return _first_width(os.path.join(folder, FILES["train"]))


def _count(place, names=NAMES):
    """How many of the lists lie in a folder."""
    return sum(os.path.isfile(os.path.join(place, name)) for name in names)


def load(dataset, data_dir, image_size=None, classes=None, *, num_classes=0, files=()):
    """`Splits` of the lists in `data_dir` or in the folder of the dataset's name in it.

    The paths in a list are absolute, or begin at the folder of the list, at those two, at the
    current folder or at that which `data_dir` lies in: where the files of its first lines are.
    Train is train.txt, labelled, and after it the other images of database.txt and of the list to
    validate with, unlabelled: for methods that learn from both. The kind of the lists is that of
    the first line.

    Args:
        dataset: its name.
        data_dir: the folder of the lists.
        image_size: (height, width) in pixels that images are resized to; None for 256x256.
        classes: their names; None for numbers.
        num_classes: number of classes where they have no names; 0 for as many as there are.
        files: `{part: list}` instead of `FILES`, from here or from `data_dir`; "" for those.
    Raises:
        ValueError: a list or an image is missing, or a line is bad; names file and line.
    """
    sources = _sources(dataset, data_dir, FILES | {p: f for p, f in dict(files).items() if f})
    width = len(classes) if classes else num_classes or None
    numbered = next(filter(None, map(_first_width, sources.values())), 0) == 1
    starts = [*places.folders(data_dir, dataset), ".", os.path.join(data_dir, os.pardir)]
    pool, rows = {}, {}
    for part, source in sources.items():
        rows[part] = _read(source, starts, pool, width, numbered)
        if not numbered and len(rows[part][1]):
            width = rows[part][1].shape[1]
    if numbered:
        width = width or _classes(rows, sources)
        rows = {part: (index, _one_hot(labels, width)) for part, (index, labels) in rows.items()}
    shared = images.FileImages(tuple(pool), image_size or (SIDE, SIDE))
    parts = {part: _split(shared, *lines, width or 0) for part, lines in rows.items()}
    for more in ("database", "val"):
        if more in parts:
            parts["train"] = _with_unlabelled(parts["train"], parts[more])
    parts.pop("val", None)
    names = classes or [str(number) for number in range(width or 0)]
    return splits.Splits(dataset, tuple(names), **parts)


def _split(shared, index, labels, width):
    """The labelled part of some images; without any, `labels` may have another width."""
    labels = labels.reshape(len(index), width)
    return splits.Split(shared, index, labels, np.ones(len(index), bool))


def _classes(rows, sources):
    """The number of classes of lists of class numbers: one more than the highest number.

    Raises:
        ValueError: there are not as many images, or the labels would take too much memory.
    """
    highest = {part: int(numbers.max(initial=-1)) for part, (_, numbers) in rows.items()}
    part = max(highest, key=highest.get)
    count, items = highest[part] + 1, sum(len(numbers) for _, numbers in rows.values())
    if count > items or count * items > MOST_LABELS:
        raise ValueError(
            f"`{sources[part]}`: expected class numbers below the number of images, and up to "
            f"{MOST_LABELS} labels of 0 or 1. Received: a class number {count - 1} in lists of "
            f"{items} images. Use --num_classes={count} if there are so many classes."
        )
    return count


def _one_hot(numbers, width):
    labels = np.zeros((len(numbers), width), np.uint8)
    labels[np.arange(len(numbers)), numbers] = 1
    return labels


def _sources(dataset, data_dir, files):
    """`{part: path of its list}`: of all lists with the usual names from one folder."""
    own, *others = sorted(places.folders(data_dir, dataset), key=_count, reverse=True)
    sources = {}
    for part, name in files.items():
        inside = [os.path.join(place, name) for place in (own, *others)]
        candidates = inside[:1] if name == FILES[part] else [name, *inside]
        if name:
            sources[part] = next(filter(os.path.isfile, candidates), None)
    missing = [files[part] for part, path in sources.items() if path is None]
    if missing:
        raise ValueError(
            f"Expected the image lists {', '.join(filter(None, files.values()))} of {dataset} in "
            f"`{data_dir}` or in a folder {dataset} in it. Missing: {', '.join(missing)}. Give "
            "their folder as --data_dir. A line is a path and a 0 or 1 per class, or the number of "
            "its class, separated by spaces."
        )
    return sources


def _first_width(source):
    """Numbers at the end of the first line of a list that is not blank; 0 where it has none."""
    return next((_trailing_numbers(line) for line in _first_lines(source)), 0)


def _first_lines(source):
    with open(source, encoding="utf-8", errors="surrogateescape") as file:
        return list(itertools.islice((line for line in file if line.strip()), FIRST_LINES))


def _with_unlabelled(train, others):
    more = np.flatnonzero(~np.isin(others.index, train.index))
    return splits.Split(
        train.images,
        np.concatenate([train.index, others.index[more]]),
        np.concatenate([train.labels, others.labels[more]]),
        np.concatenate([train.labelled, np.zeros(len(more), bool)]),
    )


def _read(source, starts, pool, width, numbered):
    """The positions `[n]` of a list's images, and their labels `[n, width]` or class numbers `[n]`.

    Args:
        source: the list.
        starts: folders that its paths may begin at, besides its own.
        pool: `{path: position in the pool}`, to which new paths are added.
        width: number of classes; None takes that of the first line.
        numbered: whether a line has the number of its class.
    """
    parse = _parse_number if numbered else _parse
    width = width if numbered else width or _first_width(source)
    starts = list(dict.fromkeys(map(os.path.normpath, [os.path.dirname(source), *starts])))
    first = [line.strip().rsplit(None, 1 if numbered else width) for line in _first_lines(source)]
    base = places.base([words[0] for words in first], starts)
    index, labels = [], []
    with open(source, encoding="utf-8", errors="surrogateescape") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                path, row = parse(line, width, base or starts[0])
                if not os.path.isfile(path):
                    others = [] if base else starts[1:]
                    raise ValueError(_absence(path, line, 1 if numbered else width, others))
            except ValueError as error:
                fault = checks.brief(error, MOST_LETTERS)
                raise ValueError(f"`{source}`, line {number}: {fault}") from None
            # Absolute, so that lists named in different ways share their images.
            index.append(pool.setdefault(os.path.abspath(path), len(pool)))
            labels.append(row)
    if numbered:
        return np.array(index, np.int64), np.array(labels, np.int64)
    return np.array(index, np.int64), np.array(labels, np.uint8).reshape(len(index), width or 0)


def _parse(line, width, base):
    """The path of a line and its `[width]` labels."""
    path, *words = line.strip().rsplit(None, width)
    digits = "".join(words)
    if len(words) != width or len(digits) != width or digits.strip("01") or not width:
        raise ValueError(_fault(line, width))
    path = os.path.normpath(os.path.join(base, path))
    return path, np.frombuffer(digits.encode(), np.uint8) - ord("0")


def _parse_number(line, classes, base):
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
    return os.path.normpath(os.path.join(base, path)), number


def _absence(path, line, width, others):
    """What is wrong with a line whose path is not that of a file, nor from one of `others`."""
    if _trailing_numbers(line) != width:
        if width == 1:
            return f"Expected a path and one class number. Received: {line.strip()!r}."
        return _fault(line, width)
    names = ["the current folder" if place == "." else f"`{place}`" for place in others]
    absolute = os.path.isabs(line.strip())
    more = "" if absolute or not names else f", or from {' or '.join(names)} on"
    return f"Expected an image at `{path}`{more}. There is no file."


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
