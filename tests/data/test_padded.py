import numpy as np
import pytest
import tensorflow as tf

from tests import golden
from tfhash.data import decoding, padded

SIDE = 227


def test_the_geometry_equals_the_original():
    case = golden.case("latent/resize_geometry")
    found = [padded.legacy_geometry(*size, (SIDE, SIDE)) for size in case["in_sizes"].tolist()]
    np.testing.assert_array_equal(found, case["out_top_left_height_width"])


@pytest.mark.parametrize("number", range(6))
def test_a_file_is_decoded_and_resized_as_by_the_original(number, tmp_path):
    """PNG and JPEG, landscape, portrait, grey; less the mean, in the order BGR."""
    case = golden.case("latent/input_parser")
    path = tmp_path / "image"
    path.write_bytes(case[f"in_file_{number}"].tobytes())
    image = decoding.decode(str(path))
    if f"out_decoded_{number}" in case:  # TensorFlow decodes a JPEG fast, OpenCV exactly
        assert np.abs(image.astype(int) - case[f"out_decoded_{number}"]).mean() < 1.5
        image = case[f"out_decoded_{number}"]
    found = padded.legacy_resize(image, (SIDE, SIDE)) - [123.68, 116.779, 103.939]
    np.testing.assert_allclose(found[..., ::-1], case[f"out_image_{number}"], atol=1e-3)


@pytest.mark.parametrize("height, width", [(32, 32), (300, 200), (61, 100), (227, 227), (1, 5)])
def test_without_legacy_it_is_the_resize_of_tensorflow_2(height, width):
    image = golden.seeded.images(3, 1, height, width)[0]
    expected = tf.image.resize_with_pad(image, SIDE, SIDE)
    found = padded.resize(image, (SIDE, SIDE))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_small_image_has_one_row_and_column_of_padding_only_with_legacy():
    image = np.full((32, 32, 3), 9, np.uint8)
    legacy = padded.legacy_resize(image, (SIDE, SIDE))
    assert (legacy[:226, :226] == 9).all() and not legacy[226:].any() and not legacy[:, 226:].any()
    assert (padded.resize(image, (SIDE, SIDE)) == 9).all()
