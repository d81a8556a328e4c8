"""How batches are drawn: generators of `{stream: positions}`, by (seed, epoch) alone."""

import numpy as np


def check_labelled_unlabelled(labelled, batch_size):
    """Raises ValueError where `labelled_unlabelled` could not fill a batch."""
    known, others = _kinds(labelled).values()
    check_filled("labelled", len(known), batch_size)
    check_filled("unlabelled", len(others), batch_size)


def _kinds(labelled):
    """`{"labelled", "unlabelled": positions}`; where all are labelled, they are of both kinds."""
    labelled = np.asarray(labelled, bool)
    others = np.arange(len(labelled)) if labelled.all() else np.flatnonzero(~labelled)
    return {"labelled": np.flatnonzero(labelled), "unlabelled": others}


def check_filled(kind, available, batch_size):
    """Raises ValueError where the `available` images of a `kind` fill no batch."""
    if not 0 < batch_size <= available:
        smaller = f"--batch_size={available} or a smaller one, or " if available else ""
        raise ValueError(
            f"Expected at least `batch_size` {kind} training images, and `batch_size` >= 1. "
            f"Received: batch_size={batch_size}, {available} {kind} images. "
            f"Use {smaller}more images."
        )


def labelled_unlabelled(labelled, batch_size, steps, *, seed, epoch):
    """Draws `batch_size` labelled and as many unlabelled items for each step.

    Within a batch no item of a kind comes twice; the batches are independent of each other.
    Departure: where all items are labelled, those without are drawn of them too.

    Args:
        labelled: `[n]` bool.
        batch_size: items of each kind; at most as many as there are.
        steps: number of batches.
        seed, epoch: determine the batches; >= 0.
    Yields:
        `{"labelled": [batch_size] int64, "unlabelled": [batch_size] int64}`.
    Raises:
        ValueError: fewer items of a kind than `batch_size`.
    Original: youngkyunJang/GPQ, train.py.
    """
    check_labelled_unlabelled(labelled, batch_size)
    rng = np.random.default_rng((seed, epoch))
    kinds = _kinds(labelled)
    for _ in range(steps):
        yield {kind: rng.choice(items, batch_size, replace=False) for kind, items in kinds.items()}


def shuffled(count, batch_size, steps=None, *, seed, epoch):
    """Draws batches from a shuffled order of all items, and shuffles anew when it is used up.

    So no item comes a second time before each has come once, but for those that the last full
    batch of an order leaves over.

    Args:
        count: number of items.
        batch_size: items of a batch; at most `count`.
        steps: number of batches; None for one pass, `count // batch_size`.
        seed, epoch: determine the batches; >= 0.
    Yields:
        `{"images": [batch_size] int64}`.
    Raises:
        ValueError: fewer items than `batch_size`.
    """
    check_filled("different", count, batch_size)
    rng = np.random.default_rng((seed, epoch))
    per_pass = count // batch_size
    for step in range(per_pass if steps is None else steps):
        place = step % per_pass
        if place == 0:
            order = rng.permutation(count)
        yield {"images": order[place * batch_size : (place + 1) * batch_size]}


def class_groups(labels, labelled, classes):
    """The labelled positions of each class: a list of int64 arrays.

    Args:
        labels: `[n, classes]` 0/1.
        labelled: `[n]` bool.
        classes: their names, for the error.
    Raises:
        ValueError: a labelled item has no class or several.
    """
    known = np.flatnonzero(labelled)
    counts = np.asarray(labels)[known].sum(axis=1)
    if (counts != 1).any():
        raise ValueError(
            "Expected one class for each training image, to draw batches by class. "
            f"{int((counts != 1).sum())} of {len(known)} have none or several."
        )
    numbers = np.asarray(labels)[known].argmax(axis=1)
    return [known[numbers == number] for number in range(len(classes))]


def check_grouped(groups, per_batch, per_class, classes):
    """Raises ValueError where `grouped` could not fill a batch; `classes` are their names."""
    if not 1 <= per_batch <= len(groups):
        raise ValueError(
            f"Expected the classes of a batch from 1 to the {len(groups)} of the dataset. "
            f"Received: {per_batch}. Use a smaller batch or fewer classes in it."
        )
    sizes = zip(classes, map(len, groups))
    short = [f"{name} ({size})" for name, size in sizes if size < per_class]
    if short:
        raise ValueError(
            f"Expected {per_class} labelled training images or more of each class, as many as a "
            f"batch takes. There are fewer of {len(short)}: {', '.join(short[:5])}"
            + (" and others." if len(short) > 5 else ".")
        )


def grouped(groups, per_batch, per_class, steps, *, seed, epoch):
    """Draws batches of some classes, class after class, with as many items of each.

    The classes of a batch are drawn at random. A class gives its items in a shuffled order, and
    shuffles anew when too few are left. Departure: the original then tops a batch up with items
    of the same order, so that some come early a second time.

    Args:
        groups: the items of each class, a list of arrays.
        per_batch: classes of a batch.
        per_class: items of each; no class may have fewer.
        steps: number of batches.
        seed, epoch: determine the batches; >= 0.
    Yields:
        `[per_batch * per_class]` int64.
    Original: maestrojeong/Deep-Hash-Table-ICML18, utils/datamanager.py.
    """
    rng = np.random.default_rng((seed, epoch))
    left = [np.empty(0, np.int64)] * len(groups)
    for _ in range(steps):
        rows = []
        for number in rng.permutation(len(groups))[:per_batch]:
            if len(left[number]) < per_class:
                left[number] = rng.permutation(groups[number])
            rows.append(left[number][:per_class])
            left[number] = left[number][per_class:]
        yield np.concatenate(rows)


def pairs(groups, per_batch, steps, *, seed, epoch):
    """Draws an anchor and a positive of each of some classes, as `grouped` draws two items.

    Yields:
        `{"anchors": [per_batch] int64, "positives": [per_batch] int64}`.
    Original: maestrojeong/Deep-Hash-Table-ICML18, utils/datamanager.py, NpairDatamanager.
    """
    for rows in grouped(groups, per_batch, 2, steps, seed=seed, epoch=epoch):
        yield {"anchors": rows[::2], "positives": rows[1::2]}


def two_streams(items, batch_size, steps, *, seed, first=0):
    """Draws two batches for each step, each from a shuffled order of its own of all items.

    So the batches of a step may share items. An order serves for all its batches but the last
    one, complete or not; the next one begins there, in whatever call.

    Args:
        items: `[n]` positions to draw from.
        batch_size: items of each batch; at most n.
        steps: number of steps.
        seed: determines the orders, by their number in the training; >= 0.
        first: steps of the training before these.
    Yields:
        `{"first": [batch_size] int64, "second": [batch_size] int64}`.
    Raises:
        ValueError: fewer items than `batch_size`.
    Original: thuml/HashNet, pytorch/src/train.py, which stops where there is one batch only.
    """
    items = np.asarray(items, np.int64)
    check_filled("different", len(items), batch_size)
    seeds = np.random.SeedSequence((seed, 2)).generate_state(2).tolist()
    per_pass, orders = max(1, -(-len(items) // batch_size) - 1), None
    for step in range(first, first + steps):
        number, place = divmod(step, per_pass)
        if orders is None or place == 0:
            orders = [np.random.default_rng((one, number)).permutation(items) for one in seeds]
        chosen = slice(place * batch_size, (place + 1) * batch_size)
        yield dict(zip(("first", "second"), (order[chosen] for order in orders)))
