import numpy as np
import pytest
import tensorflow as tf

from tests import golden
from tfhash.backbones.base import IMAGENET
from tfhash.data import images, pillow

SIZES = [(256, 224), (64, 56)]


@pytest.fixture(scope="module")
def case():
    return golden.case("hashnet/pre_process")


@pytest.fixture(scope="module")
def image(case):
    size = int(case["in_height"]), int(case["in_width"])
    return golden.seeded.images(int(case["in_image_seed"]), 1, *size)[0]


def normalized(pixels):
    return IMAGENET.normalize(pixels).numpy().transpose(0, 3, 1, 2)


@pytest.mark.parametrize("size, crop", SIZES)
@pytest.mark.parametrize("name", ["bicubic", "nearest"])
def test_resize_equals_the_original(case, image, size, crop, name):
    found = pillow.resizer(name)(image, (size, size))
    np.testing.assert_array_equal(found, case[f"out_resized_uint8_{size}_{crop}_{name}"])


@pytest.mark.parametrize("key", ["256_224_bicubic", "64_56_bicubic", "64_56_nearest"])
def test_the_centre_crop_of_a_test_equals_the_original(case, key):
    resized = case[f"out_resized_uint8_{key}"]
    found = normalized(pillow.centre_crop(resized[None], int(key.split("_")[1])))
    np.testing.assert_allclose(found[0], case[f"out_test_{key}"], atol=1e-6)


@pytest.mark.parametrize("key", ["64_56_bicubic", "64_56_nearest"])
def test_the_ten_crops_equal_the_original(case, key):
    crops = pillow.ten_crops(case[f"out_resized_uint8_{key}"][None], 56)
    for crop, expected in zip(crops, case[f"out_10crop_{key}"], strict=True):
        np.testing.assert_allclose(normalized(crop)[0], expected, atol=1e-6)


def test_the_places_of_the_ten_crops_equal_the_original(case):
    key = "256_224_bicubic"
    resized = case[f"out_resized_uint8_{key}"]
    crops = pillow.ten_crops(resized[None], 224)
    places = case[f"out_10crop_flip_top_left_{key}"]
    for crop, (flip, top, left) in zip(crops, places, strict=True):
        turned = resized[:, ::-1] if flip else resized
        np.testing.assert_array_equal(crop[0], turned[top : top + 224, left : left + 224])


def test_an_odd_crop_of_an_odd_image_is_a_pixel_larger_as_in_the_original():
    assert pillow.centre_crop(np.zeros((1, 225, 225, 3)), 223).shape == (1, 224, 224, 3)


def test_a_crop_of_the_whole_image_is_the_image():
    whole = np.arange(48, dtype=np.uint8).reshape(1, 4, 4, 3)
    np.testing.assert_array_equal(pillow.centre_crop(whole, 4), whole)
    np.testing.assert_array_equal(pillow.ten_crops(whole, 4)[6], whole)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_training_crop_equals_the_original(case, image, number):
    size, crop = case[f"in_train{number}_resize_crop"]
    resized = case[f"out_resized_uint8_{size}_{crop}_bicubic"]
    *part, flip = case[f"in_train{number}_top_left_height_width_flip"]
    found = pillow.crop_and_resize(resized, part, int(crop)).astype(int)
    found = found[:, ::-1] if flip else found
    assert np.abs(found - case[f"out_train{number}_uint8"]).max() <= 1


def test_random_parts_have_the_shares_and_ratios_asked_for():
    rng = np.random.default_rng(0)
    parts = np.array([pillow.random_part(200, 300, (0.2, 0.5), rng) for _ in range(500)])
    top, left, height, width = parts.T
    share, ratio = height * width / 60000, width / height
    assert ((top >= 0) & (left >= 0) & (top + height <= 200) & (left + width <= 300)).all()
    assert share.min() > 0.19 and share.max() < 0.51 and np.ptp(share) > 0.2
    assert ratio.min() > 0.73 and ratio.max() < 1.36 and np.ptp(ratio) > 0.4


class Drawn:
    """A generator that gives share and aspect of a part, and whether it is turned over."""

    def __init__(self, share, aspect, turned):
        self.bounds, self.uniforms, self.turned = [], [share, aspect], turned

    def uniform(self, low, high):
        self.bounds.append((low, high))
        return self.uniforms.pop(0)

    def random(self):
        return 0.4 if self.turned else 0.6

    def integers(self, low, high):
        return high - 1


@pytest.mark.parametrize("turned, size", [(False, (40, 50)), (True, (50, 40))])
def test_the_aspect_is_drawn_as_in_torchvision_of_2017(turned, size):
    """A fifth of 100 x 100 pixels at an aspect of 1.25 is 50 wide and 40 high, or turned over."""
    rng = Drawn(0.2, 1.25, turned)
    top, left, height, width = pillow.random_part(100, 100, (0.1, 0.3), rng, legacy=True)
    assert (height, width) == size and (top, left) == (100 - height, 100 - width)
    assert rng.bounds == [(0.1, 0.3), (3 / 4, 4 / 3)]


def test_the_logarithm_of_the_aspect_is_drawn_as_in_todays_torchvision():
    rng = Drawn(0.2, np.log(1.25), turned=True)
    assert pillow.random_part(100, 100, (0.1, 0.3), rng)[2:] == (40, 50)
    assert rng.bounds[1] == pytest.approx((np.log(3 / 4), np.log(4 / 3)))


def test_the_centre_is_taken_where_no_part_fits():
    rng = np.random.default_rng(0)
    assert pillow.random_part(10, 100, (1.0, 1.0), rng) == (0, 43, 10, 13)
    assert pillow.random_part(10, 100, (1.0, 1.0), rng, legacy=True) == (0, 45, 10, 10)
    assert pillow.random_part(100, 10, (1.0, 1.0), rng, legacy=True) == (45, 0, 10, 10)


def test_crops_can_be_drawn_as_in_2017():
    pixels, seed = golden.seeded.images(3, 4, 20, 20), tf.constant([5, 1], tf.int64)
    today, legacy = (
        pillow.random_resized_crops(tf.constant(pixels), 12, seed, legacy=legacy).numpy()
        for legacy in (False, True)
    )
    assert today.shape == legacy.shape and (today != legacy).any()


def test_random_crops_depend_on_the_seed_alone():
    pixels = golden.seeded.images(3, 4, 20, 20)

    @tf.function
    def crops(seed):
        return pillow.random_resized_crops(tf.constant(pixels), 12, seed)

    one, same, other = (
        crops(tf.constant(seed, tf.int64)).numpy() for seed in ([5, 1], [5, 1], [5, 2])
    )
    np.testing.assert_array_equal(one, same)
    assert one.shape == (4, 12, 12, 3) and (one != other).any()


def test_a_part_of_the_whole_area_without_a_flip_is_the_image():
    pixels = golden.seeded.images(3, 8, 20, 20)
    found = pillow.random_resized_crops(
        tf.constant(pixels), 20, tf.constant([0, 1], tf.int64), scale=(1.0, 1.0), flip=False
    )
    np.testing.assert_array_equal(found, pixels)


def test_a_pool_resizes_by_the_filter():
    pixels = golden.seeded.images(1, 2, 20, 30)
    pool = images.ArrayImages(pixels).resized((8, 8), pillow.resizer("bicubic"))
    np.testing.assert_array_equal(pool.read([1])[0], pillow.resize(pixels[1], (8, 8), "bicubic"))


def test_an_unknown_filter_is_refused():
    with pytest.raises(ValueError, match="nearest.*lanczos"):
        pillow.resizer("lanczos")
