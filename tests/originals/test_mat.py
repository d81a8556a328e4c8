"""MatConvNet's networks, made by hand as utils/import-caffe.py writes them."""

import numpy as np
import pytest
import scipy.io

from tests.originals.matconvnet_writer import cell, layer, write
from tfhash.backbones import alexnet
from tfhash.originals.readers import mat

RNG = np.random.default_rng(0)
FC6 = RNG.standard_normal((2, 3, 4, 5)).astype(np.float32)  # [rows, columns, channels, outputs]
CONV = RNG.standard_normal((5, 5, 2, 4)).astype(np.float32)


@pytest.mark.parametrize("old", [False, True], ids=["weights", "filters and biases"])
def test_the_layers_of_a_network_are_read(tmp_path, old):
    path = write(tmp_path / "net.mat", layer("conv1", CONV, old=old), layer("relu1"))
    arrays = mat.read_matconvnet(path)
    assert set(arrays) == {"conv1/kernel", "conv1/bias"}
    np.testing.assert_array_equal(arrays["conv1/kernel"], CONV)
    np.testing.assert_array_equal(arrays["conv1/bias"], np.arange(4))


def test_a_layer_over_all_places_becomes_a_matrix(tmp_path):
    """fc6 sees the features of each place: flattened as Keras does it, by row, column, channel."""
    kernel = mat.read_matconvnet(write(tmp_path / "net.mat", layer("fc6", FC6)))["fc6/kernel"]
    features = RNG.standard_normal((2, 3, 4))
    expected = np.einsum("hwc,hwco->o", features, FC6)
    np.testing.assert_allclose(features.reshape(-1) @ kernel, expected, rtol=1e-5)


def test_alexnet_gets_all_its_variables(tmp_path):
    """Shapes of the published file, the layers of 4096 outputs cut to save time."""
    kernels = dict(alexnet.LAYERS)
    kernels |= {"fc6": (6, 6, 256, 3), "fc7": (1, 1, 4096, 3), "fc8": (1, 1, 4096, 1000)}
    layers = [layer(name, np.zeros(shape, np.float32)) for name, shape in kernels.items()]
    arrays = mat.read_matconvnet(write(tmp_path / "imagenet-caffe-alex.mat", *layers))
    expected = alexnet.LAYERS | {"fc6": (9216, 3), "fc7": (4096, 3), "fc8": (4096, 1000)}
    for name, shape in expected.items():
        assert arrays[f"{name}/kernel"].shape == shape
        assert arrays[f"{name}/bias"].shape == shape[-1:]


@pytest.mark.parametrize(
    "stored, message",
    [
        ({"x": np.eye(3)}, "cell array `layers`. Received: NoneType"),
        ({"layers": np.eye(3)}, r"Received: float64 \[3, 3\]"),
        ({"layers": cell(layer("relu1"))}, "None of 1 has"),
        (
            {"layers": cell({"name": "conv1", "weights": cell(CONV)})},
            "a bias for each output.*conv1",
        ),
        ({"layers": cell({"name": "conv1", "weights": cell(CONV, "x")})}, "a bias for each output"),
        ({"layers": cell({"name": "conv1", "weights": cell(CONV, CONV)})}, "a bias for each"),
    ],
)
def test_what_is_no_network_of_matconvnet_is_named(tmp_path, stored, message):
    scipy.io.savemat(tmp_path / "net.mat", stored)
    with pytest.raises(ValueError, match=f"net.mat.*{message}"):
        mat.read_matconvnet(tmp_path / "net.mat")


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    scipy.io.savemat(tmp_path / "w.mat", {"kernel": cell("a")})
    with pytest.raises(ValueError, match="w.mat.*arrays of numbers. Received: kernel, object"):
        mat.read(tmp_path / "w.mat")
