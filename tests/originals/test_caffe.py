"""Files of Caffe, byte by byte as Protocol Buffers of caffe.proto."""

import numpy as np
import pytest

from tests.originals.caffe_writer import blob, field, layer, write
from tfhash.backbones import alexnet
from tfhash.originals.readers import caffe

RNG = np.random.default_rng(0)
CONV = RNG.standard_normal((6, 3, 5, 4)).astype(np.float32)  # [outputs, channels, rows, columns]
DENSE = RNG.standard_normal((7, 6 * 2 * 2)).astype(np.float32)  # [outputs, channels of places]


@pytest.mark.parametrize("options", [{"version": 1}, {"version": 2}, {}, {"double": True}], ids=str)
def test_the_layers_of_a_network_are_read(tmp_path, options):
    layers = [layer("conv1", CONV, **options), layer("fc6", DENSE, **options)]
    arrays = caffe.read(write(tmp_path / "net.caffemodel", *layers))
    assert set(arrays) == {"conv1/kernel", "conv1/bias", "fc6/kernel", "fc6/bias"}
    assert arrays["conv1/kernel"].shape == (5, 4, 3, 6)
    np.testing.assert_array_equal(arrays["fc6/bias"], np.arange(7))


def test_the_layers_are_the_same_functions_of_rgb_images(tmp_path):
    path = write(tmp_path / "net.caffemodel", layer("conv1", CONV), layer("fc6", DENSE))
    arrays = caffe.read(path)
    patch = RNG.standard_normal((5, 4, 3))  # [rows, columns, RGB]
    expected = np.einsum("hwc,ochw->o", patch[:, :, ::-1], CONV)
    np.testing.assert_allclose(np.tensordot(patch, arrays["conv1/kernel"], 3), expected, rtol=1e-5)
    features = RNG.standard_normal((2, 2, 6))
    expected = DENSE @ features.transpose(2, 0, 1).ravel()
    np.testing.assert_allclose(features.ravel() @ arrays["fc6/kernel"], expected, rtol=1e-5)


def test_caffenet_gets_all_its_variables(tmp_path):
    """The shapes of the published file, with 2 outputs of fc6 and 1 of fc7 to save time."""
    shapes = {name: kernel[::-1] for name, kernel in alexnet.LAYERS.items()}
    shapes |= {"fc6": (2, 9216), "fc7": (1, 2)}
    layers = [layer(n, np.zeros(shape, np.float32), version=2) for n, shape in shapes.items()]
    arrays = caffe.read(write(tmp_path / "bvlc_reference_caffenet.caffemodel", *layers))
    expected = alexnet.LAYERS | {"fc6": (9216, 2), "fc7": (2, 1)}
    for name, shape in expected.items():
        assert arrays[f"{name}/kernel"].shape == shape
        assert arrays[f"{name}/bias"].shape == shape[-1:]


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "no layer with weights"),
        (b"nothing of the kind", "not a complete|no layer with weights"),
        (layer("conv1", CONV)[:-9], "not a complete .caffemodel"),
        (layer("conv1", CONV[:, :, :, :0]), r"an array \[6, 3, 5, 0\]"),
        (field(100, field(1, b"bn") + field(7, blob(CONV))), "'bn'. Received: 1 arrays"),
        (layer("conv1", CONV) + layer("fc6", DENSE[:, :20]), "20 inputs, not a square of 6"),
        (layer("conv1", CONV)[:20] + b"\xff" * 30, "not a complete"),
        (field(100, field(7, field(1, 9) + field(5, b"1234")) * 2), r"an array \[9, 0, 0, 0\]"),
    ],
)
def test_what_is_no_network_of_caffe_is_named(tmp_path, content, message):
    (tmp_path / "net.caffemodel").write_bytes(content)
    with pytest.raises(ValueError, match=f"net.caffemodel.*({message})"):
        caffe.read(tmp_path / "net.caffemodel")
