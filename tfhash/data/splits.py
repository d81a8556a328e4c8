"""Images and labels in three parts: train, query, database."""

import dataclasses
import logging
import sys
import time
from concurrent import futures

import numpy as np

from tfhash.data.images import ArrayImages, FileImages, resize
from tfhash.data.vectors import Vectors
from tfhash.lazy import keras

BLOCK = 4096  # images read at once for the mean
CHECKED = 32  # image files that a thread checks at once
LOG_SECONDS = 5
LOG = logging.getLogger("tfhash")


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """One part of a dataset.

    Attributes:
        images: the pool, `ArrayImages`, `FileImages` or `Vectors`; the parts of a dataset share
            it.
        index: `[n]` int64, the positions of this part's images in the pool.
        labels: `[n, classes]` uint8, 0 or 1.
        labelled: `[n]` bool, whose labels a training may use.
        stored_mean: the mean image that the dataset's files give, `[height, width, 3]` of pixels
            from 0 to 1 at the size of the stored images; None where they give none.
    """

    images: ArrayImages | FileImages | Vectors
    index: np.ndarray
    labels: np.ndarray
    labelled: np.ndarray
    stored_mean: np.ndarray | None = None

    def __post_init__(self):
        count = len(self.index)
        if self.labels.ndim != 2 or len(self.labels) != count or len(self.labelled) != count:
            raise ValueError(
                f"Expected `labels` [{count}, classes] and `labelled` [{count}], as `index` has "
                f"{count} items. Received: {list(self.labels.shape)}, {list(self.labelled.shape)}."
            )

    def __len__(self):
        return len(self.index)

    def read(self, positions):
        """The images at `positions` of this part, `[b, height, width, 3]` uint8 RGB, or vectors
        `[b, width]` float32."""
        return self.images.read(self.index[positions])

    def name(self, position):
        """What to call the image at a position of this part."""
        return self.images.name(self.index[position])

    def keys(self):
        """What tells this part's images apart, in their order."""
        return self.images.keys(self.index)

    def subset(self, positions):
        """The images at `positions` of this part, as a part that shares the pool."""
        rows = {n: getattr(self, n)[positions] for n in ("index", "labels", "labelled")}
        return dataclasses.replace(self, **rows)


@dataclasses.dataclass(frozen=True, eq=False)
class Splits:
    """A dataset: its name, the names of its classes, and its three parts.

    Attributes:
        left_out: names of files that are in no part, since they can't be read.
        notes: lines on what else was left out or is unusual, for the log.
        unseen: the last of the classes, where no item of train is of one, and its labels have no
            columns for them.
    """

    dataset: str
    classes: tuple
    train: Split
    query: Split
    database: Split
    left_out: tuple = ()
    notes: tuple = ()
    unseen: tuple = ()

    @property
    def trained_classes(self):
        """The names of the classes that a training knows."""
        return self.classes[: len(self.classes) - len(self.unseen)]

    def resized(self, size=None, how=resize, dtype=np.uint8):
        """These parts with images at another size, or resized in another way; see `resized` of
        tfhash/data/images.py. None leaves the size."""
        return self.with_pools(lambda pool: pool.resized(size or pool.size, how, dtype))

    def cached(self, memory):
        """These parts with images of files kept in `memory` bytes once they are read."""
        return self._with_file_pools(memory=memory)

    def oriented(self, upright):
        """These parts with images of files turned as their EXIF says, or as they are stored."""
        return self._with_file_pools(upright=upright)

    def _with_file_pools(self, **changes):
        def change(pool):
            return dataclasses.replace(pool, **changes) if isinstance(pool, FileImages) else pool

        return self.with_pools(change)

    def with_pools(self, change):
        """These parts with `change(pool)` for each pool, which parts go on sharing."""
        changed = {id(pool): change(pool) for pool in self._pools()}
        parts = {}
        for name, part in self.parts().items():
            parts[name] = dataclasses.replace(part, images=changed[id(part.images)])
        return dataclasses.replace(self, **parts)

    def _pools(self):
        """The pools, each once."""
        return list({id(part.images): part.images for part in self.parts().values()}.values())

    def readable(self, *, skip=True, progress=None):
        """These parts, none of whose image files is unreadable.

        Args:
            skip: leaves unreadable ones out and names them in `left_out`.
            progress: as for `unreadable`.
        Raises:
            ValueError: without `skip`, there are some; gives their number and the first five.
        """
        bad = unreadable(self, progress)
        if not bad:
            return self
        if not skip:
            raise ValueError(
                f"Expected image files of {self.dataset} that can be decoded. {len(bad)} can't be: "
                f"{some(bad)}. Use --skip_bad_images to leave them out."
            )
        parts, names = {}, set(bad)
        for name, part in self.parts().items():
            kept = [row for row in range(len(part)) if part.name(row) not in names]
            parts[name] = part.subset(np.array(kept, np.int64))
        left_out = tuple(sorted(names.union(self.left_out)))
        return dataclasses.replace(self, **parts, left_out=left_out)

    def parts(self):
        """`{name: part}`."""
        return {"train": self.train, "query": self.query, "database": self.database}


def unreadable(splits, progress=None):
    """The image files of `splits` that can't be decoded, sorted: all are tried, in parallel.

    Images that the pools have memory for stay in it.

    Args:
        splits: a `Splits`.
        progress: called as `progress(tried, all)`, numbers of files, after every few of them;
            None shows a bar on a terminal, and elsewhere a line of the log from time to time.
    """
    blocks, total = [], 0
    for pool in splits._pools():
        if isinstance(pool, FileImages):
            parts = [part.index for part in splits.parts().values() if part.images is pool]
            indices = np.unique(np.concatenate(parts))
            blocks += [(pool, indices[i : i + CHECKED]) for i in range(0, len(indices), CHECKED)]
            total += len(indices)
    progress, done, bad = progress or _shown_progress(), 0, set()
    with futures.ThreadPoolExecutor() as threads:
        results = threads.map(lambda block: block[0].unreadable(block[1]), blocks)
        for (_, indices), paths in zip(blocks, results):
            bad.update(paths)
            done += len(indices)
            progress(done, total)
    return tuple(sorted(bad))


def some(names, shown=5):
    """The first of `names`, and how many more there are."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def _shown_progress():
    """A progress bar where the log is shown on a terminal, else a line of it from time to time."""
    told, bar = time.monotonic(), None

    def show(done, total):
        nonlocal bar
        if bar is None:
            bar = keras.utils.Progbar(total, unit_name="file")
            LOG.info("checking %d image files", total)
        bar.update(done)

    def log(done, total):
        nonlocal told
        if time.monotonic() - told >= LOG_SECONDS:
            told = time.monotonic()
            LOG.info("checked %d of %d image files", done, total)

    return show if sys.stdout.isatty() and LOG.isEnabledFor(logging.INFO) else log


def of_indices(dataset, classes, images, labels, *, labelled, unlabelled, query, database):
    """`Splits` of one pool.

    Args:
        dataset: its name.
        classes: their names.
        images: the pool.
        labels: `[pool]` class numbers, under 0 for none; or `[pool, classes]` uint8 0/1.
        labelled, unlabelled, query, database: positions in the pool; the first two are train.
    """
    one_hot = np.eye(len(classes) + 1, len(classes), dtype=np.uint8)  # the last row is of -1

    def part(index, known):
        index = np.asarray(index, np.int64)
        rows = labels[index] if np.ndim(labels) == 2 else one_hot[np.maximum(labels[index], -1)]
        return Split(images, index, rows, np.asarray(known, bool))

    train = np.concatenate([labelled, unlabelled])
    return Splits(
        dataset,
        tuple(classes),
        train=part(train, np.arange(len(train)) < len(labelled)),
        query=part(query, np.ones(len(query))),
        database=part(database, np.ones(len(database))),
    )


def drawn(dataset, classes, images, labels, *, queries, labelled=None, seed=0):
    """`Splits` of one pool by chance, with about the same share of each class in each part.

    The database is everything but the queries, and so is train.

    Args:
        dataset, classes, images, labels: as for `of_indices`.
        queries: their number, or their `[q]` positions where they are known.
        labelled: number of labelled training images, one of each class at least; None for a
            tenth of train, but 500 or half of train, whichever is less, if that is more.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    if np.ndim(queries) == 0:
        queries = stratified(labels, queries, rng)
    train = np.setdiff1d(np.arange(len(labels)), queries)
    if labelled is None:
        labelled = max(len(train) // 10, min(500, len(train) // 2))
    count = min(max(labelled, len(classes)), len(train))
    known = train[stratified(labels[train], count, rng, at_least=1)]
    parts = {"labelled": known, "unlabelled": np.setdiff1d(train, known)}
    return of_indices(dataset, classes, images, labels, query=queries, database=train, **parts)


def unlabelled(images):
    """All images of a pool as a `Split` without labels."""
    count = len(images)
    return Split(images, np.arange(count), np.zeros((count, 0), np.uint8), np.zeros(count, bool))


def stratified(labels, count, rng, *, at_least=0):
    """`count` positions, in each class about the same share, in ascending order.

    Args:
        labels: `[n]` class numbers.
        count: at most n.
        rng: a NumPy generator.
        at_least: positions of each class at least, as far as it has them and `count` goes.
    """
    share = np.empty(len(labels))
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        share[members] = (np.arange(len(members)) + 0.5) / len(members)
        share[members[:at_least]] = -1
    order = rng.permutation(len(labels))  # so that equal shares are taken at random
    return np.sort(order[np.argsort(share[order], kind="stable")[:count]])


def pixel_mean(train):
    """`[height, width, 3]` mean of all images of a split, of pixels from 0 to 1.

    It is that of the dataset's files where they give one and images have their size.
    Original: process/cifar_process.py, which also counts the images held out to validate with;
    process/imagenet32_process.py.
    """
    if np.shape(train.stored_mean) == train.images.shape:
        return train.stored_mean
    total = np.zeros(train.images.shape)
    for first in range(0, len(train), BLOCK):
        rows = np.arange(first, min(first + BLOCK, len(train)))
        total += train.read(rows).sum(axis=0, dtype=np.float64)
    return (total / len(train) / 255).astype(np.float32)
