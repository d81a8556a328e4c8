"""Classes that are held out of a training whole, and tested on: --unseen_classes."""

import dataclasses

import numpy as np


def hold_out(splits, count):
    """`Splits` whose last `count` classes no training knows.

    Their items are in no training part, labelled or not; the labels there have columns of the
    other classes alone. Query and database stay as they are.

    Args:
        splits: a `Splits`.
        count: of the classes; 0 holds out none.
    Raises:
        ValueError: fewer than two classes are left.
    """
    if not count:
        return splits
    seen = len(splits.classes) - count
    if seen < 2:
        raise ValueError(
            f"Expected `unseen_classes` of up to {len(splits.classes) - 2}, so that two classes of "
            f"{splits.dataset} are left to train with. Received: {count}."
        )
    train = splits.train.subset(np.flatnonzero(~has_unseen(splits.train, seen)))
    train = dataclasses.replace(train, labels=train.labels[:, :seen])
    return dataclasses.replace(splits, train=train, unseen=splits.classes[seen:])


def known(splits):
    """`splits` without the queries and the items of classes that its training does not know."""
    if not splits.unseen:
        return splits
    seen = len(splits.trained_classes)
    kept = {
        name: part.subset(np.flatnonzero(~has_unseen(part, seen)))
        for name, part in (("query", splits.query), ("database", splits.database))
    }
    return dataclasses.replace(splits, **kept)


def has_unseen(part, seen):
    """`[n]` bool: which items of a part with `labels` are of a class after the first `seen`."""
    return part.labels[:, seen:].any(axis=1)
