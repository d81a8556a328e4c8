"""Latent hashing reads Caffe's weights, checkpoints of the original, and torchvision's files."""

import dataclasses
import pickle

import numpy as np
import pytest
import tensorflow as tf

from tests import golden
from tests.methods import latent_golden
from tests.methods.latent_golden import CONVOLUTIONS
from tfhash import originals
from tfhash.backbones import alexnet
from tfhash.methods import latent
from tfhash.originals import readers
from tfhash.originals.readers import pth, tf1


@pytest.fixture(scope="module")
def published():
    """One AlexNet for all tests that give it weights: to build it takes seconds."""
    return latent_golden.published()


def write_npy(path, layers, *, text=True):
    """A file as Caffe's weights are published: a pickled dictionary of Python 2."""
    stored = {name if text else name.encode(): both for name, both in layers.items()}
    header = {"descr": "|O", "fortran_order": False, "shape": ()}
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        pickle.dump(np.array(stored, dtype=object), file, protocol=2)
    return path


@pytest.fixture(scope="module")
def layers():
    """`{layer: [kernel, bias]}` of constants as bvlc_alexnet.npy has them."""
    shapes = alexnet.LAYERS | {"fc8": (4096, 1000)}
    return {
        name: [np.full(shape, number, np.float32), np.full(shape[-1], -number, np.float32)]
        for number, (name, shape) in enumerate(shapes.items(), 1)
    }


@pytest.fixture(scope="module")
def caffe(layers, tmp_path_factory):
    """A file like bvlc_alexnet.npy."""
    return write_npy(tmp_path_factory.mktemp("caffe") / "bvlc_alexnet.npy", layers)


@pytest.mark.parametrize("load_fc", [False, True])
def test_caffes_weights_fill_the_convolutions_and_on_demand_fc6_and_fc7(
    caffe, layers, published, load_fc, monkeypatch
):
    monkeypatch.setattr(published, "config", dataclasses.replace(published.config, load_fc=load_fc))
    variables = originals.variables(published)
    for variable in variables.values():
        variable.assign(tf.zeros(variable.shape))
    lines = originals.read(published, caffe)
    filled = {path.split("/")[0] for path, v in variables.items() if np.asarray(v).any()}
    assert filled == CONVOLUTIONS | ({"fc6", "fc7"} if load_fc else set())
    np.testing.assert_array_equal(variables["conv2/kernel"], layers["conv2"][0])
    assert f"{len(filled) * 2} of {len(filled) * 2} variables read" in lines[0]


def test_names_of_layers_may_be_bytes(layers, published, tmp_path):
    convolutions = {name: layers[name] for name in CONVOLUTIONS}
    path = write_npy(tmp_path / "w.npy", convolutions, text=False)
    assert "10 of 10 variables read" in originals.read(published, path)[0]


def test_a_file_without_a_layer_is_refused(layers, published, tmp_path):
    fewer = {name: layers[name] for name in ("conv1", "conv2", "conv3", "conv4")}
    path = write_npy(tmp_path / "w.npy", fewer)
    with pytest.raises(ValueError, match=r"w\.npy` lacks conv5/bias, conv5/kernel"):
        originals.read(published, path)


def test_a_layer_of_another_shape_is_refused(layers, published, tmp_path):
    other = layers | {"conv2": [np.zeros((5, 5, 96, 256), "f4"), np.zeros(256, "f4")]}
    path = write_npy(tmp_path / "w.npy", other)
    with pytest.raises(ValueError, match=r"'conv2/kernel' has shape \(5, 5, 96, 256\)"):
        originals.read(published, path)


def test_a_file_that_would_run_code_is_refused(published, tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ("ran",)

    path = write_npy(tmp_path / "w.npy", {"conv1": Evil()})
    with pytest.raises(ValueError, match="builtins.print|__builtin__.print"):
        originals.read(published, path)


def write_checkpoint(path, layers):
    """Writes a TF1 checkpoint of the original; its `{variable: shape}`."""
    arrays = {
        f"{layer}/{leaf}": array
        for layer, both in layers.items()
        for leaf, array in zip(("weights", "biases"), both)
    }
    tf1.write(path, arrays)
    return {name: array.shape for name, array in arrays.items()}


def test_a_checkpoint_of_the_original_is_recognized_and_read(tmp_path, published):
    path, layers = str(tmp_path / "model.ckpt-7"), golden.weights("latent").build(1, 48, 10)
    shapes = write_checkpoint(path, layers)
    assert originals.recognize(shapes) == "latent"  # and no other method
    config, classes = originals.program("latent").config_of(latent.Config(), shapes)
    assert (config.bits, classes) == (48, 10)
    assert "18 of 18 variables read" in originals.read(published, path)[0]
    np.testing.assert_array_equal(published.variables()["fclat/kernel"], layers["fclat"][0])


def test_a_checkpoint_that_is_written_is_the_originals_after_a_step(tmp_path, published):
    """At step 0 the original would load Caffe's weights over it."""
    path = str(tmp_path / "model.ckpt-1")
    originals.write(published, path)
    spec = {n.removesuffix(":0"): shape for n, shape, *_ in golden.weights("latent").spec(48, 10)}
    assert readers.shapes(path) == spec | {"global_step": ()}
    kernel = published.variables()["fclat/kernel"]
    stored = tf1.read(path)
    np.testing.assert_array_equal(stored["fclat/weights"], kernel)
    assert stored["global_step"] == 1 and stored["global_step"].dtype == np.int64


def test_weights_of_torchvision_fill_its_networks(monkeypatch):
    recipe = latent.Method(latent.Config(img_model="ResNet18", bits=4), num_classes=3)
    arrays = golden.weights("hashnet").build("resnet18", 7, 4)
    monkeypatch.setattr(pth, "read", lambda path: (arrays, {}))
    assert "100 of 100 variables read" in originals.read(recipe, "resnet18.pth")[0]
    kernel = arrays["layer2.0.conv1.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(recipe.variables()["layer2.0.conv1/kernel"], kernel)
    trained = {v.path.split("/")[0] for v in recipe.network.trainable_variables}
    assert trained == {"fclat", "fc8"}
