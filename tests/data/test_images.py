import pathlib

import cv2
import numpy as np
import pytest

from tfhash.data import decoding, images


def checkered(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_array_images_are_read_by_position():
    pixels = checkered(12, 4).reshape(3, 4, 4, 3)
    np.testing.assert_array_equal(images.ArrayImages(pixels).read([2, 0]), pixels[[2, 0]])


def test_array_images_refuse_floats():
    with pytest.raises(ValueError, match=r"uint8 \[n, height, width, 3\].*float64 \[2, 4, 4, 3\]"):
        images.ArrayImages(np.zeros((2, 4, 4, 3)))


def test_file_images_are_rgb(tmp_path):
    path = str(tmp_path / "red.png")
    cv2.imwrite(path, np.full((4, 4, 3), (0, 0, 255), np.uint8))  # blue, green, red
    found = images.FileImages((path,), (4, 4)).read([0])
    np.testing.assert_array_equal(found, np.full((1, 4, 4, 3), (255, 0, 0)))


def test_file_images_are_resized(tmp_path):
    path = str(tmp_path / "image.png")
    cv2.imwrite(path, checkered(8, 6))
    pool = images.FileImages((path,), (4, 10))
    assert pool.shape == pool.read([0]).shape[1:] == (4, 10, 3)


def test_a_grey_file_has_three_equal_channels(tmp_path):
    path = str(tmp_path / "grey.png")
    cv2.imwrite(path, checkered(4, 4)[:, :, 0])
    found = decoding.decode(path)
    np.testing.assert_array_equal(found, np.repeat(found[:, :, :1], 3, axis=2))


def test_shrinking_takes_the_mean_of_an_area():
    image = checkered(8, 8)
    means = image.reshape(4, 2, 4, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(images.resize(image, (4, 4)), means, atol=0.51)


def test_an_image_of_the_right_size_stays_as_it_is():
    image = checkered(8, 8)
    assert images.resize(image, (8, 8)) is image


@pytest.mark.parametrize("content", [b"", b"no image at all"], ids=["empty", "text"])
def test_an_unreadable_image_is_named(tmp_path, content):
    path = tmp_path / "broken.jpg"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.jpg.*can't be decoded"):
        images.FileImages((str(path),), (4, 4)).read([0])


def test_a_missing_image_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"gone\.jpg"):
        images.FileImages((str(tmp_path / "gone.jpg"),), (4, 4)).read([0])


def test_images_are_kept_while_memory_lasts(tmp_path):
    paths = [str(tmp_path / f"{number}.png") for number in range(3)]
    for path in paths:
        cv2.imwrite(path, checkered(4, 4))
    pool = images.FileImages(tuple(paths), (4, 4), memory=2 * 4 * 4 * 3)
    before = pool.read([0, 1, 2])
    for path in paths[:2]:
        pathlib.Path(path).unlink()
    np.testing.assert_array_equal(pool.read([1, 0]), before[[1, 0]])
    pathlib.Path(paths[2]).unlink()
    with pytest.raises(ValueError, match=r"2\.png"):
        pool.read([2])


def test_resized_images_are_not_those_kept(tmp_path):
    path = str(tmp_path / "image.png")
    cv2.imwrite(path, checkered(8, 8))
    pool = images.FileImages((path,), (8, 8), memory=10**6)
    pool.read([0])
    assert pool.resized((4, 4)).read([0]).shape == (1, 4, 4, 3)
