"""The images that are embedded, with their ids, labels and parts."""

import dataclasses
import os

import numpy as np

from tfhash import data
from tfhash.data import image_files, lists, splits
from tfhash.data import images as pools
from tfhash.settings import files_of

SIDE = 224  # pixels, of files whose size nothing says


@dataclasses.dataclass(frozen=True)
class Source:
    """What is embedded.

    Attributes:
        name: as the user gave it.
        images: the pool; of files a `ForgivingImages` one.
        ids: `[n]` names, a line each.
        labels: `[n]` class numbers, -1 for none; names of classes, "" for none; `[n, classes]` of
            0 and 1, or None.
        parts: `[n]` names of the part of each in the dataset, or None.
        notes: lines on what is left out.
    """

    name: str
    images: object
    ids: tuple
    labels: np.ndarray | None = None
    parts: np.ndarray | None = None
    notes: tuple = ()

    def stamps(self):
        """What tells the images from what they were before, as text: sizes and times of files."""
        paths = getattr(self.images, "paths", ())
        states = [os.stat(path) if os.path.exists(path) else None for path in paths]
        return [one and (one.st_size, one.st_mtime_ns) for one in states]


def of(name, options, *, given=False):
    """The `Source` that --images names: a folder, a list or a dataset.

    Args:
        name: the path or the name.
        options: the `Images`, of the place of a dataset and its split.
        given: whether the user gave `data_dir`.
    Raises:
        ValueError: there is no such thing, or no image in it.
    """
    path = os.path.expanduser(name)
    if os.path.isdir(path):
        return _of_folder(path)
    if os.path.isfile(path):
        return _of_list(path)
    if os.sep in name and ":" not in name:
        raise ValueError(f"Expected a folder, a list or a dataset as --images. Received: {name!r}.")
    return _of_dataset(name, options, given)


def _of_folder(path):
    found = image_files.image_files(path)
    if not found.paths:
        raise ValueError(f"Expected images in `{path}`. There is none. {'; '.join(found.lines())}")
    ids = tuple(os.path.relpath(one, path) for one in found.paths)
    return Source(path, _pool(found.paths), ids, notes=tuple(found.lines()))


def _of_list(path):
    listed = lists.read(path)
    labels = None if listed.labels is None else _compact(listed.labels)
    return Source(path, _pool(listed.paths), tuple(listed.paths), labels)


def _pool(paths):
    return pools.ForgivingImages(tuple(paths), (SIDE, SIDE))


def _of_dataset(name, options, given):
    loaded = data.load(
        name,
        data_dir=options.data_dir,
        given=given,
        seed=options.seed,
        order=data.read_order(options.split_order) if options.split_order else None,
        num_classes=options.num_classes,
        files=files_of(dataclasses.asdict(options)),
    )
    pool = loaded.query.images
    if not pool.shown:
        raise ValueError(f"Expected images. {name} is a dataset of {pool.noun}, which are there.")
    parts = loaded.parts().values()
    index = np.unique(np.concatenate([part.index for part in parts]))
    labels = np.zeros((len(index), len(loaded.classes)), np.uint8)
    for part in parts:
        labels[np.searchsorted(index, part.index)] = part.labels
    ids = tuple(pool.name(position).removeprefix("#") for position in index)
    if isinstance(pool, pools.FileImages):
        pool = _pool([pool.paths[position] for position in index])
    else:
        pool = pools.ArrayImages(pool.pixels[index], pool.size)
    named, lines = _parts(loaded, index)
    return Source(name, pool, ids, _compact(labels, loaded.classes), named, (*loaded.notes, *lines))


def _compact(labels, classes=()):
    """`[n, classes]` of 0 and 1 as class numbers `[n]`, or as names where `classes` has some that
    are no numbers; as it is where an image has several classes."""
    if labels.ndim == 1 or (labels.sum(axis=1) > 1).any():
        return labels
    numbers, known = labels.argmax(axis=1), labels.any(axis=1)
    if all(name.isdecimal() for name in classes):
        return np.where(known, numbers, -1)
    return np.where(known, np.array(classes)[numbers], "")


def _parts(loaded, index):
    """The part of each item of a dataset, None where one name for each can't say it; and lines on
    what is lost.

    Where database is train, or has none of it, each item is of one part: what is read knows that
    the database is train where no item is of the database.
    """
    query, train, database = (
        np.isin(index, part.index) for part in (loaded.query, loaded.train, loaded.database)
    )
    shared = np.array_equal(train, database)
    if (query & (train | database)).any() or ((train & database).any() and not shared):
        return None, ["parts that overlap are not written; --split of a training draws others"]
    names = np.where(query, "query", "train")
    names = names if shared else np.where(database, "database", names)
    used, known = int(loaded.train.labelled.sum()), int(loaded.train.labels.any(axis=1).sum())
    lost = f"{used} of {known} labels are for training; no file says which, so all will count"
    return names, [lost] if used < known else []


def part(source, side, input):
    """The images of a `Source` as a `Split` without labels.

    Args:
        source: the `Source`.
        side: in pixels, that images are resized to; None for their own size.
        input: the `Input` that says how.
    Raises:
        ValueError: the network can't take images of this size.
    """
    pool = source.images
    size = (side, side) if side else tuple(pool.size)
    input.check(size)
    pool = pool.resized(size, *input.resizer)
    if isinstance(pool, pools.FileImages):
        pool = dataclasses.replace(pool, upright=input.upright)
    return splits.unlabelled(pool)
