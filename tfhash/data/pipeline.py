"""From index batches to tensors of images or vectors, in parallel with the training."""

import contextlib
import functools
import itertools
import os

import numpy as np

from tfhash.lazy import tf

STEPS = 16  # whose batches are drawn at once
READ_AT_ONCE = 2**22  # numbers of vectors


def training_batches(split, index_batches, preprocess, *, seed):
    """A dataset of `{stream: {"images", "labels", "positions"}}` in the order of the index batches.

    `images` are `[batch, height, width, 3]` float32, or vectors `[batch, width]`; `labels`
    `[batch, classes]` float32, `positions` `[batch]` int64, the positions in `split`.

    Args:
        split: a `Split`.
        index_batches: returns an iterator of `(step, {stream: [batch] positions in split})`;
            called anew each time the dataset is iterated over. Batches of a stream are of one size.
        preprocess: images `[batch, height, width, 3]` or vectors, as the pool reads them, and a
            `[2]` seed -> float32.
        seed: of the augmentation. With the step and the stream it determines it, so a training
            that goes on at a step sees the images it would have seen.
    Raises:
        ValueError: there is no batch.
    """
    streams = _batch_sizes(index_batches)
    seeds = {
        name: int(np.random.SeedSequence((seed, number)).generate_state(1, np.uint64)[0] >> 1)
        for number, name in enumerate(streams)
    }

    def read(step, rows):
        return step, {name: _read(split, rows[name]) for name in streams}

    def prepare(step, items):
        return {
            name: _prepared(split, items[name], size, preprocess, tf.stack([seeds[name], step]))
            for name, size in streams.items()
        }

    signature = (
        tf.TensorSpec([None], tf.int64),
        {name: tf.TensorSpec([None, size], tf.int64) for name, size in streams.items()},
    )
    steps = _steps_at_once(split, sum(streams.values()))
    blocks = functools.partial(_blocks, index_batches, steps or STEPS)
    dataset = tf.data.Dataset.from_generator(blocks, output_signature=signature)
    parallel = {"num_parallel_calls": tf.data.AUTOTUNE, "deterministic": True}
    if steps:
        dataset = dataset.map(read, **parallel).unbatch().map(prepare, **parallel)
    else:
        dataset = dataset.unbatch().map(lambda *batch: prepare(*read(*batch)), **parallel)
    return dataset.prefetch(tf.data.AUTOTUNE)


def _steps_at_once(split, size):
    """Steps whose vectors are read at once, `size` of them each; 0 for images, which are read step
    by step: a step of vectors may be over sooner than a call from TensorFlow to Python."""
    if split.images.shown:
        return 0
    return min(STEPS, max(1, READ_AT_ONCE // (size * split.images.size[0])))


def _blocks(index_batches, size):
    """`index_batches`, some steps at once: a call from TensorFlow to Python takes .4 ms."""
    batches = iter(index_batches())
    while block := list(itertools.islice(batches, size)):
        steps, rows = zip(*block)
        yield np.array(steps), {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def _batch_sizes(index_batches):
    for _, rows in index_batches():
        return {name: len(positions) for name, positions in rows.items()}
    raise ValueError("Expected `index_batches` to give a batch. Received none.")


def _read(split, rows):
    """(items, labels, rows) of positions of a step `[size]` or of several `[steps, size]`."""

    def read(rows):
        flat = rows.ravel()
        both = split.read(flat), split.labels[flat].astype(np.float32)
        return tuple(one.reshape(*rows.shape, *one.shape[1:]) for one in both)

    items, labels = tf.numpy_function(read, [rows], [split.images.dtype, tf.float32])
    items = tf.ensure_shape(items, [*rows.shape, *split.images.shape])
    return items, tf.ensure_shape(labels, [*rows.shape, split.labels.shape[1]]), rows


def _prepared(split, item, size, preprocess, seed):
    items, labels, rows = item
    images = preprocess(items, seed)
    return {
        "images": tf.ensure_shape(images, [size, *split.images.prepared_shape]),
        "labels": labels,
        "positions": rows,
    }


def ordered_batches(split, batch_size, preprocess, *, seed=None, first=0):
    """A dataset of the preprocessed items of a split in their order; the last batch is partial.

    Args:
        split: a `Split`.
        batch_size: images of a batch.
        preprocess: images `[batch, height, width, 3]` or vectors, as the pool reads them, and a
            `[2]` seed or None -> float32.
        seed: of the augmentation, >= 0; None for none.
        first: position of the first image that comes.
    """
    starts = tf.data.Dataset.range(first, len(split), batch_size)

    def read(start):
        return split.read(np.arange(start, min(start + batch_size, len(split))))

    def load(start):
        images = tf.numpy_function(read, [start], split.images.dtype)
        both = None if seed is None else tf.stack([tf.constant(seed, tf.int64), start])
        return preprocess(tf.ensure_shape(images, [None, *split.images.shape]), both)

    dataset = starts.map(load, num_parallel_calls=max(2, os.cpu_count() or 1), deterministic=True)
    return dataset.prefetch(tf.data.AUTOTUNE)


@contextlib.contextmanager
def plain_errors():
    """Around the iteration over a dataset: gives errors of reading images as they were raised.

    TensorFlow wraps them in an error of its own with a traceback in its text.

    Raises:
        ValueError: an image can't be read; names the file.
    """
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        _, marker, text = error.message.partition("ValueError: ")
        if not marker:
            raise
        raise ValueError(text.splitlines()[0]) from error
