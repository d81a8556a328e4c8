"""Whether images of files are turned as their EXIF says."""

import pytest

from tfhash import methods, settings


def is_upright(name, dataset):
    config = settings.settle(name, {"dataset": dataset}).config
    return methods.load(name).Method.input_of(config).upright


@pytest.mark.parametrize("name", methods.names())
def test_own_photos_are_turned(name):
    assert is_upright(name, "folder:photos")


@pytest.mark.parametrize("name, upright", [("hashnet", False), ("latent", False), ("dch", True)])
def test_images_of_lists_are_turned_where_the_original_turns_them(name, upright):
    """Pillow and TensorFlow do not, OpenCV does."""
    assert is_upright(name, "coco") is upright
