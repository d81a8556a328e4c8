import numpy as np
import pytest
import tensorflow as tf

from tests import golden
from tfhash.data import augment

MEAN, STD = (125.642, 123.738, 114.46), (63.01, 62.157, 66.94)  # of CIFAR-10


def noise(count, height=8, width=6):
    shape = (count, height, width, 3)
    return np.random.default_rng(0).normal(size=shape).astype(np.float32) + 5  # nowhere zero


def crops(image, padding):
    """All images that a random crop may give, `[places, height, width, 3]`."""
    height, width = image.shape[:2]
    wide = np.pad(image, [(padding, padding), (padding, padding), (0, 0)])
    places = [(y, x) for y in range(2 * padding + 1) for x in range(2 * padding + 1)]
    return np.stack([wide[y : y + height, x : x + width] for y, x in places])


def place(image, found, padding):
    """Which of the crops of `image` was taken; fails where it is none of them."""
    matches = np.flatnonzero((crops(image, padding) == found).all(axis=(1, 2, 3)))
    assert len(matches) == 1
    return int(matches[0])


def test_normalized_pixels_equal_the_original():
    case = golden.case("gpq/prepare_data")
    pixels = case["in_first_images"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    found = augment.normalize(tf.constant(pixels), MEAN, STD)
    np.testing.assert_allclose(found, case["out_first_images"], atol=1e-6, rtol=0)


def test_a_flip_mirrors_left_and_right_or_does_nothing():
    images = noise(40)
    found = augment.random_flip(images, [1, 2]).numpy()
    kept = (found == images).all(axis=(1, 2, 3))
    mirrored = (found == images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (kept ^ mirrored).all() and kept.any() and mirrored.any()


def test_about_half_of_the_images_are_flipped():
    images = noise(2000, 2, 2)
    found = augment.random_flip(images, [1, 2]).numpy()
    assert 0.45 < np.mean((found != images).any(axis=(1, 2, 3))) < 0.55


def test_each_image_is_cropped_from_its_padded_self():
    images = noise(30)
    found = augment.random_crop(images, 2, [1, 2]).numpy()
    for before, after in zip(images, found):
        place(before, after, 2)


def test_what_comes_in_at_the_sides_is_zero():
    images = noise(30)
    found = augment.random_crop(images, 4, [1, 2]).numpy()
    assert (found == 0).any() and np.isin(found, [*np.unique(images), 0]).all()


def test_images_of_a_batch_are_shifted_differently_and_everywhere():
    images = noise(600, 4, 4)
    found = augment.random_crop(images, 1, [1, 2]).numpy()
    places = [place(before, after, 1) for before, after in zip(images, found)]
    assert np.bincount(places, minlength=9).min() > 600 / 9 / 2


def test_no_padding_leaves_the_images_as_they_are():
    images = noise(4)
    np.testing.assert_array_equal(augment.random_crop(images, 0, [1, 2]), images)


@pytest.mark.parametrize(
    "change",
    [augment.random_flip, lambda images, seed: augment.random_crop(images, 2, seed)],
    ids=["flip", "crop"],
)
def test_the_seed_alone_decides(change):
    images = noise(20)
    one, same, other = (change(images, seed).numpy() for seed in ([1, 2], [1, 2], [1, 3]))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_shapes_stay_known_in_a_graph():
    graph = tf.function(lambda images: augment.random_crop(images, 2, [1, 2]))
    spec = tf.TensorSpec([None, 8, 6, 3], tf.float32)
    assert graph.get_concrete_function(spec).structured_outputs.shape.as_list() == [None, 8, 6, 3]


def numbered(count=3, side=6):
    """Images that are alike but for their own value in every pixel, and columns that differ."""
    columns = np.arange(1.0, side + 1) + np.zeros((side, 1))
    rows = 10 * np.arange(1.0, side + 1)[:, None]
    image = (columns + rows)[..., None] * np.ones(3)
    return tf.constant(np.stack([image + 100 * n for n in range(count)]), tf.float32)


def test_a_batch_is_mirrored_as_a_whole_or_not_at_all():
    images, seen = numbered(), set()
    for seed in range(20):
        found = augment.flip_together(images, [seed, 0]).numpy()
        mirrored = np.array_equal(found, images.numpy()[:, :, ::-1])
        assert mirrored or np.array_equal(found, images)
        seen.add(mirrored)
    assert seen == {True, False}


def test_a_batch_is_shifted_as_a_whole():
    images, offsets = numbered().numpy(), set()
    wide = np.pad(images, [(0, 0), (2, 2), (2, 2), (0, 0)])
    for seed in range(200):
        found = augment.crop_together(images, 2, [seed, 0]).numpy()
        places = [
            (row, column)
            for row in range(5)
            for column in range(5)
            if np.array_equal(found, wide[:, row : row + 6, column : column + 6])
        ]
        assert len(places) == 1
        offsets.add(places[0])
    assert len(offsets) == 25
