"""Resizing as Keras' layer does it, by hand."""

import numpy as np
import pytest

from tfhash.data import keras_resizing, resizing

COLUMNS = (0, 100, 200, 40)
WIDE = np.array([[[value] * 3 for value in COLUMNS]] * 2, np.uint8)  # 2 high, 4 wide


@pytest.mark.parametrize(
    "name, size, expected",
    [
        ("keras_nearest_crop", (2, 2), [[100, 200]] * 2),
        ("keras_bilinear_stretch", (2, 2), [[50, 120]] * 2),
        ("keras_nearest_pad", (4, 4), [[0] * 4, COLUMNS, COLUMNS, [0] * 4]),
        ("keras_nearest_stretch", (2, 4), [COLUMNS] * 2),
    ],
)
def test_an_image_of_another_aspect_is_cut_stretched_or_padded(name, size, expected):
    found = resizing.load(name).resize(WIDE, size)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found[..., 0], expected)


def test_a_shrinking_image_is_filtered_where_that_is_asked_for():
    """Eight columns to two: without a filter each is the mean of the two in its middle."""
    columns = np.arange(0, 256, 32, dtype=np.uint8)[None, :, None]
    wide = np.broadcast_to(columns, (2, 8, 3))
    plain, filtered = (
        keras_resizing.resize(wide, (2, 2), f"keras_bilinear_stretch{end}")[0, :, 0]
        for end in ("", "_antialias")
    )
    np.testing.assert_array_equal(plain, [48, 176])
    assert filtered[0] > plain[0] and filtered[1] < plain[1]


def test_values_are_rounded_and_kept_in_0_to_255():
    image = np.array([[[0] * 3, [255] * 3]] * 2, np.uint8)
    found = keras_resizing.resize(image, (4, 4), "keras_bicubic_stretch")
    assert found.min() == 0 and found.max() == 255
