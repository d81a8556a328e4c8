"""AlexNet's weights give the same features out of each format that they are published in."""

import keras
import numpy as np
import pytest

from tests import golden
from tests.originals import caffe_writer, matconvnet_writer
from tfhash import backbones, checks, methods, originals
from tfhash.backbones import alexnet
from tfhash.originals.readers import npy

CONVOLUTIONS = {name: shape for name, shape in alexnet.LAYERS.items() if len(shape) == 4}


@pytest.fixture(scope="module")
def kernels():
    """`{layer: kernel}` of the convolutions, of which conv1 takes RGB."""
    rng = np.random.default_rng(0)
    drawn = {n: rng.standard_normal(shape, np.float32) for n, shape in CONVOLUTIONS.items()}
    return {name: kernel / np.float32(kernel[..., 0].size ** 0.5) for name, kernel in drawn.items()}


@pytest.fixture(params=["alexnet", "bvlc_alexnet"], scope="module")
def backbone(request):
    return backbones.load(request.param)


@pytest.fixture(scope="module")
def network(backbone):
    """The part of the network before its wide layers."""
    whole = backbone.network(lambda features: features)
    return keras.Model(whole.input, whole.get_layer("pool5").output)


def write(path, kernels, channels):
    """A file of the kernels and biases 0, 1, ... in the format of its name."""
    if path.suffix == ".npy":
        first = kernels["conv1"] if channels == "rgb" else kernels["conv1"][:, :, ::-1]
        arrays = {f"{name}/kernel": kernel for name, kernel in (kernels | {"conv1": first}).items()}
        biases = {f"{n}/bias": np.arange(k.shape[3], dtype="f4") for n, k in kernels.items()}
        npy.write(path, arrays | biases)
    elif path.suffix == ".mat":
        layers = [matconvnet_writer.layer(name, kernel) for name, kernel in kernels.items()]
        matconvnet_writer.write(path, *layers)
    else:  # [outputs, BGR, rows, columns]
        turned = {name: kernel.transpose(3, 2, 0, 1) for name, kernel in kernels.items()}
        turned["conv1"] = turned["conv1"][:, ::-1]
        caffe_writer.write(path, *(caffe_writer.layer(n, k.copy()) for n, k in turned.items()))
    return path


def features(backbone, network, path):
    """Of two images, by the weights in a file."""
    variables = {variable.path: variable for variable in network.variables}
    checks.assign(variables, backbone.read(str(path), variables).arrays, path)
    return network(backbone.pixels.normalize(golden.seeded.images(3, 2, 227, 227))).numpy()


@pytest.mark.parametrize("name", ["imagenet-caffe-alex.mat", "bvlc_alexnet.caffemodel"])
def test_a_file_gives_the_features_of_the_npy_file(backbone, network, kernels, tmp_path, name):
    channels = backbone.pixels.channels
    expected = features(backbone, network, write(tmp_path / "w.npy", kernels, channels))
    found = features(backbone, network, write(tmp_path / name, kernels, channels))
    assert expected.std() > 1
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_method_of_deephash_passes_over_the_last_layer_of_imagenet(monkeypatch, tmp_path):
    """Its own files have one, which must be as wide as the outputs."""
    recipe = methods.load("dch").Method(methods.load("dch").Config(output_dim=4), num_classes=2)
    arrays = {name: np.zeros(v.shape, "f4") for name, v in originals.variables(recipe).items()}
    arrays |= {"fc8/kernel": np.ones((4096, 1000), "f4"), "fc8/bias": np.ones(1000, "f4")}
    monkeypatch.setitem(alexnet.READERS, ".caffemodel", lambda path: arrays)
    last = recipe.variables()["fc8/kernel"].numpy()
    lines = originals.read(recipe, tmp_path / "bvlc_reference_caffenet.caffemodel")
    assert "14 of 14 variables read" in lines[0] and "unexpected: fc8/bias" in lines[1]
    assert not recipe.variables()["fc7/kernel"].numpy().any()
    np.testing.assert_array_equal(recipe.variables()["fc8/kernel"], last)
