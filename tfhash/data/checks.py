"""Whether a training and a test can use a dataset, and what is to be said of it."""

import numpy as np

from tfhash.data.splits import some

NAMED = 20  # classes without a training image that a line names


def check(splits, *, allow_unlabelled=False, allow_overlap=False):
    """Checks that a training and a test can use `splits`.

    A class may have no training image: `summary` names such classes, and methods that draw their
    batches by class refuse them.

    Args:
        splits: a `Splits`.
        allow_unlabelled: accepts images without a label.
        allow_overlap: accepts queries that are in the database or in train.
    Raises:
        ValueError: an empty part, images without a label, no labelled training image at all, or
            such queries; gives the numbers.
    """
    for name, part in splits.parts().items():
        if not len(part):
            raise ValueError(f"Expected images in the part {name!r} of {splits.dataset}. It has 0.")
    bare = {name: unlabelled_count(part) for name, part in splits.parts().items()}
    if any(bare.values()) and not allow_unlabelled:
        sizes = {name: len(part) for name, part in splits.parts().items()}
        counts = [f"{count} of {sizes[name]} in {name}" for name, count in bare.items() if count]
        raise ValueError(
            f"Expected a label for every image of {splits.dataset}. None for: {', '.join(counts)}. "
            "Use --allow_unlabelled to accept them."
        )
    if len(untrained_classes(splits)) == len(splits.trained_classes):
        raise ValueError(
            f"Expected labelled training images in {splits.dataset}. None of the "
            f"{len(splits.train)} images of its part 'train' has a class to train with. Give a "
            "list of images with their classes as --train_file, or another dataset."
        )
    for name in ("database", "train"):
        shared = overlap(splits.query, splits.parts()[name])
        if shared and not allow_overlap:
            raise ValueError(
                f"Expected queries of {splits.dataset} that are not in its part {name!r}. "
                f"{len(shared)} of {len(splits.query)} are in both: "
                f"{some([splits.query.name(position) for position in shared])}. "
                "Use --allow_overlap to accept them."
            )


def unlabelled_count(part):
    """The number of images of a part that have no label."""
    return int(np.sum(part.labels.sum(axis=1) == 0))


def untrained_classes(splits):
    """The names of the classes, of those to be trained, that no labelled training image has."""
    counts = splits.train.labels[splits.train.labelled].sum(axis=0, dtype=np.int64)
    return [name for name, count in zip(splits.trained_classes, counts) if not count]


def overlap(one, other):
    """The positions in `one` of the images that are in `other` too."""
    if one.images is other.images and one.images.distinct:  # quick, and small, for millions
        return np.flatnonzero(np.isin(one.index, other.index)).tolist()
    taken = set(other.keys())
    return [position for position, key in enumerate(one.keys()) if key in taken]


def summary(splits):
    """Short lines on the sizes of the parts, their classes, and what is unusual in them."""
    lines = [f"{splits.dataset}: {len(splits.classes)} classes, {splits.query.images.describe()}"]
    if splits.left_out:
        lines.append(f"  left out: {len(splits.left_out)} images that can't be read")
    lines += [f"  {note}" for note in splits.notes]
    lines += [f"  {name}: {_numbers(part)}" for name, part in splits.parts().items()]
    if splits.unseen:
        lines.append(f"  {len(splits.unseen)} classes are held out of train: {some(splits.unseen)}")
    untrained = untrained_classes(splits)
    if untrained:
        names = some(untrained, NAMED)
        lines.append(f"  {len(untrained)} classes have no labelled training image: {names}")
    for name in ("database", "train"):
        shared = len(overlap(splits.query, splits.parts()[name]))
        lines += [f"  {shared} queries are in {name} too"] if shared else []
    return lines


def _numbers(part):
    counts = part.labels.sum(axis=0, dtype=np.int64)
    nouns = f"{len(part)} {part.images.noun}"
    numbers = [nouns, f"{counts.min()} to {counts.max()} per class"]
    if not part.labelled.all():
        numbers.append(f"{int(part.labelled.sum())} with a label for training")
    bare, distinct = unlabelled_count(part), np.unique(part.index)
    if not part.images.distinct:
        distinct = set(part.keys())
    twice = len(part) - len(distinct)
    numbers += [f"{bare} without a label"] if bare else []
    numbers += [f"{twice} listed more than once"] if twice else []
    return ", ".join(numbers)
