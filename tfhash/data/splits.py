"""Images and labels in three parts: train, query, database."""

import dataclasses
from concurrent import futures

import numpy as np

from tfhash.data.images import ArrayImages, FileImages, resize

__all__ = [
    "ArrayImages", "FileImages", "Split", "Splits", "check", "drawn", "of_indices", "overlap",
    "pixel_mean", "resize", "stratified", "summary", "unlabelled", "unlabelled_count",
]  # fmt: skip

BLOCK = 4096  # images read at once for the mean


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """One part of a dataset.

    Attributes:
        images: the pool, an `ArrayImages` or `FileImages`; the parts of a dataset share it.
        index: `[n]` int64, the positions of this part's images in the pool.
        labels: `[n, classes]` uint8, 0 or 1.
        labelled: `[n]` bool, whose labels a training may use.
    """

    images: ArrayImages | FileImages
    index: np.ndarray
    labels: np.ndarray
    labelled: np.ndarray

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
        """The images at `positions` of this part, `[b, height, width, 3]` uint8 RGB."""
        return self.images.read(self.index[positions])

    def name(self, position):
        """What to call the image at a position of this part."""
        return self.images.name(self.index[position])

    def keys(self):
        """What tells this part's images apart, in their order."""
        return self.images.keys(self.index)

    def subset(self, positions):
        """The images at `positions` of this part, as a part that shares the pool."""
        return Split(
            self.images, self.index[positions], self.labels[positions], self.labelled[positions]
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Splits:
    """A dataset: its name, the names of its classes, and its three parts.

    `left_out` are the names of files that are in none, since they could not be read.
    """

    dataset: str
    classes: tuple
    train: Split
    query: Split
    database: Split
    left_out: tuple = ()

    def resized(self, size=None, how=resize, dtype=np.uint8):
        """These parts with images at another size, or resized in another way; see `resized` of
        tfhash/data/images.py. None leaves the size."""
        return self._with_pools(lambda pool: pool.resized(size or pool.size, how, dtype))

    def cached(self, memory):
        """These parts with images of files kept in `memory` bytes once they are read."""
        return self._with_pools(
            lambda pool: (
                dataclasses.replace(pool, memory=memory) if isinstance(pool, FileImages) else pool
            )
        )

    def _with_pools(self, change):
        """These parts with `change(pool)` for each pool, which parts go on sharing."""
        pools = {id(part.images): part.images for part in self.parts().values()}
        changed = {key: change(pool) for key, pool in pools.items()}
        parts = {name: dataclasses.replace(part, images=changed[id(part.images)])
                 for name, part in self.parts().items()}  # fmt: skip
        return dataclasses.replace(self, **parts)

    def readable(self):
        """These parts without the images of files that can't be read, named in `left_out`."""
        pools = {id(part.images): part.images for part in self.parts().values()}
        bad = {key: _unreadable(pool) for key, pool in pools.items()}
        parts = {
            name: part.subset(np.flatnonzero(~np.isin(part.index, bad[id(part.images)])))
            for name, part in self.parts().items()
        }
        names = [pool.name(index) for key, pool in pools.items() for index in bad[key]]
        return dataclasses.replace(self, **parts, left_out=tuple(sorted(set(names))))

    def parts(self):
        """`{name: part}`."""
        return {"train": self.train, "query": self.query, "database": self.database}


def _unreadable(pool):
    """The indices of the images of a pool that can't be read."""

    def check(index):
        try:
            pool.image(index)
        except ValueError:
            return index

    if not isinstance(pool, FileImages):
        return []
    with futures.ThreadPoolExecutor() as threads:
        return [index for index in threads.map(check, range(len(pool))) if index is not None]


def of_indices(dataset, classes, images, labels, *, labelled, unlabelled, query, database):
    """`Splits` of one pool.

    Args:
        dataset: its name.
        classes: their names.
        images: the pool.
        labels: `[pool]` class numbers; under 0 for none.
        labelled, unlabelled, query, database: positions in the pool; the first two are train.
    """
    one_hot = np.eye(len(classes) + 1, len(classes), dtype=np.uint8)  # the last row is of -1
    labels = np.maximum(labels, -1)

    def part(index, known):
        index = np.asarray(index, np.int64)
        return Split(images, index, one_hot[labels[index]], np.asarray(known, bool))

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
    return of_indices(
        dataset, classes, images, labels,
        labelled=known, unlabelled=np.setdiff1d(train, known), query=queries, database=train,
    )  # fmt: skip


def unlabelled(images):
    """All images of a pool as a `Split` without labels."""
    count = len(images)
    return Split(images, np.arange(count), np.zeros((count, 0), np.uint8), np.zeros(count, bool))


def check(splits, *, allow_unlabelled=False, allow_overlap=False):
    """Checks that a training and a test can use `splits`.

    Args:
        splits: a `Splits`.
        allow_unlabelled: accepts images without a label.
        allow_overlap: accepts queries that are in the database or in train.
    Raises:
        ValueError: an empty part, images without a label, a class with no labelled training
            image, or such queries; gives the numbers.
    """
    for name, part in splits.parts().items():
        if not len(part):
            raise ValueError(f"Expected images in the part {name!r} of {splits.dataset}. It has 0.")
    bare = {name: unlabelled_count(part) for name, part in splits.parts().items()}
    if any(bare.values()) and not allow_unlabelled:
        found = ", ".join(f"{n} of {len(splits.parts()[name])} in {name}"
                          for name, n in bare.items() if n)  # fmt: skip
        raise ValueError(
            f"Expected a label for every image of {splits.dataset}. None for: {found}. "
            "Use --allow_unlabelled to accept them."
        )
    counts = splits.train.labels[splits.train.labelled].sum(axis=0)
    absent = [name for name, count in zip(splits.classes, counts) if not count]
    if absent:
        raise ValueError(
            f"Expected a labelled training image of each of the {len(splits.classes)} classes of "
            f"{splits.dataset}. There is none of {len(absent)}: {_some(absent)}."
        )
    for name in ("database", "train"):
        shared = overlap(splits.query, splits.parts()[name])
        if shared and not allow_overlap:
            raise ValueError(
                f"Expected queries of {splits.dataset} that are not in its part {name!r}. "
                f"{len(shared)} of {len(splits.query)} are in both: "
                f"{_some([splits.query.name(position) for position in shared])}. "
                "Use --allow_overlap to accept them."
            )


def _some(names, shown=5):
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def unlabelled_count(part):
    """The number of images of a part that have no label."""
    return int(np.sum(part.labels.sum(axis=1) == 0))


def overlap(one, other):
    """The positions in `one` of the images that are in `other` too."""
    taken = set(other.keys())
    return [position for position, key in enumerate(one.keys()) if key in taken]


def summary(splits):
    """Short lines on the sizes of the parts, their classes, and what is unusual in them."""
    height, width = splits.query.images.shape[:2]
    lines = [f"{splits.dataset}: {len(splits.classes)} classes, {height}x{width} pixels"]
    if splits.left_out:
        lines.append(f"  left out: {len(splits.left_out)} images that can't be read")
    for name, part in splits.parts().items():
        counts = part.labels.sum(axis=0, dtype=np.int64)
        notes = [f"{len(part)} images", f"{counts.min()} to {counts.max()} per class"]
        if not part.labelled.all():
            notes.append(f"{int(part.labelled.sum())} with a label for training")
        bare, twice = unlabelled_count(part), len(part) - len(set(part.keys()))
        notes += [f"{bare} without a label"] if bare else []
        notes += [f"{twice} listed more than once"] if twice else []
        lines.append(f"  {name}: " + ", ".join(notes))
    for name in ("database", "train"):
        shared = len(overlap(splits.query, splits.parts()[name]))
        lines += [f"  {shared} queries are in {name} too"] if shared else []
    return lines


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

    Original: process/cifar_process.py, which also counts the images held out to validate with.
    """
    total = np.zeros(train.images.shape)
    for first in range(0, len(train), BLOCK):
        rows = np.arange(first, min(first + BLOCK, len(train)))
        total += train.read(rows).sum(axis=0, dtype=np.float64)
    return (total / len(train) / 255).astype(np.float32)
