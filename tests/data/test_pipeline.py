import dataclasses

import cv2
import numpy as np
import pytest
import tensorflow as tf

from tfhash.data import augment, images, pipeline, samplers, splits, vectors


def preprocess(pixels, seed):
    pixels = augment.normalize(pixels, (0, 0, 0), (1, 1, 1))
    if seed is None:
        return pixels
    flip, crop = tf.unstack(tf.random.split(seed, 2))
    return augment.random_crop(augment.random_flip(pixels, flip), 2, crop)


@pytest.fixture
def part():
    """40 images whose pool positions are 59, 58, ..., a quarter of them labelled."""
    pixels = np.random.default_rng(0).integers(1, 256, (60, 8, 8, 3), dtype=np.uint8)
    labels = np.eye(5, dtype=np.uint8)[np.arange(40) % 5]
    index = 59 - np.arange(40)
    return splits.Split(images.ArrayImages(pixels), index, labels, np.arange(40) % 4 == 0)


def draw(part, first=0, steps=6):
    batches = samplers.labelled_unlabelled(part.labelled, 4, steps, seed=0, epoch=0)
    return [(step, rows) for step, rows in enumerate(batches) if step >= first]


def training(part, first=0, seed=0, how=preprocess):
    dataset = pipeline.training_batches(part, lambda: iter(draw(part, first)), how, seed=seed)
    return [tf.nest.map_structure(np.asarray, batch) for batch in dataset]


def test_batches_come_in_the_order_of_the_sampler(part):
    for batch, (_, rows) in zip(training(part), draw(part), strict=True):
        for stream, positions in rows.items():
            np.testing.assert_array_equal(batch[stream]["positions"], positions)


def test_images_and_labels_belong_to_the_index(part):
    plain = training(part, how=lambda pixels, seed: tf.cast(pixels, tf.float32))
    for batch, (_, rows) in zip(plain, draw(part), strict=True):
        for stream, positions in rows.items():
            np.testing.assert_array_equal(batch[stream]["images"], part.read(positions))
            np.testing.assert_array_equal(batch[stream]["labels"], part.labels[positions])


def test_shapes_and_dtypes_are_static(part):
    dataset = pipeline.training_batches(part, lambda: iter(draw(part)), preprocess, seed=0)
    stream = {
        "images": tf.TensorSpec([4, 8, 8, 3], tf.float32),
        "labels": tf.TensorSpec([4, 5], tf.float32),
        "positions": tf.TensorSpec([4], tf.int64),
    }
    assert dataset.element_spec == {"labelled": stream, "unlabelled": stream}


def test_going_on_at_a_step_gives_the_same_images(part):
    whole, rest = training(part), training(part, first=4)
    tf.nest.map_structure(np.testing.assert_array_equal, whole[4:], rest)


def test_a_dataset_can_be_iterated_over_again(part):
    dataset = pipeline.training_batches(part, lambda: iter(draw(part)), preprocess, seed=0)
    tf.nest.map_structure(np.testing.assert_array_equal, *(list(dataset) for _ in range(2)))


@pytest.mark.parametrize("other", [{"step": 1}, {"stream": "b"}, {"seed": 1}], ids=str)
def test_step_stream_and_seed_change_the_augmentation(part, other):
    def augmented(step=0, stream="a", seed=0):
        batch = {name: np.arange(8) for name in ("a", "b")}
        dataset = pipeline.training_batches(
            part, lambda: iter([(step, batch)]), preprocess, seed=seed
        )
        return next(iter(dataset))[stream]["images"].numpy()

    np.testing.assert_array_equal(augmented(), augmented())
    assert (augmented() != augmented(**other)).any()


@pytest.mark.parametrize("at_once", [1, 3, 16])  # of 6 steps
def test_vectors_of_several_steps_are_read_at_once(part, at_once, monkeypatch):
    values = np.random.default_rng(1).normal(size=(60, 7)).astype(np.float32)
    part = dataclasses.replace(part, images=vectors.Vectors(values))
    monkeypatch.setattr(pipeline, "READ_AT_ONCE", at_once * 8 * 7)

    def how(items, seed):
        return items + tf.cast(seed[1], tf.float32)  # the step

    for batch, (step, rows) in zip(training(part, 0, 0, how), draw(part), strict=True):
        for stream, positions in rows.items():
            np.testing.assert_array_equal(batch[stream]["positions"], positions)
            np.testing.assert_array_equal(batch[stream]["labels"], part.labels[positions])
            np.testing.assert_allclose(batch[stream]["images"], part.read(positions) + step)


def test_no_batch_at_all_is_an_error(part):
    with pytest.raises(ValueError, match="`index_batches` to give a batch"):
        pipeline.training_batches(part, lambda: iter([]), preprocess, seed=0)


@pytest.mark.parametrize("batch_size, sizes", [(16, [16, 16, 8]), (40, [40]), (64, [40])])
def test_ordered_batches_hold_each_image_once_and_in_order(part, batch_size, sizes):
    batches = [batch.numpy() for batch in pipeline.ordered_batches(part, batch_size, preprocess)]
    assert [len(batch) for batch in batches] == sizes
    np.testing.assert_array_equal(np.concatenate(batches), part.read(np.arange(40)))


def test_an_unreadable_image_is_named_while_training(tmp_path, part):
    paths = [str(tmp_path / f"{number}.png") for number in range(60)]
    for path in paths:
        cv2.imwrite(path, np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "20.png").write_bytes(b"broken")
    pool = images.FileImages(tuple(paths), (8, 8))
    files = splits.Split(pool, part.index, part.labels, part.labelled)
    with pytest.raises(ValueError, match=r"^Expected an image at `.*20\.png`"):
        with pipeline.plain_errors():
            list(pipeline.ordered_batches(files, 16, preprocess))


def test_errors_of_the_training_itself_stay_as_they_are():
    with pytest.raises(tf.errors.InvalidArgumentError):
        with pipeline.plain_errors():
            tf.reshape(tf.zeros([3]), tf.constant([2]))
