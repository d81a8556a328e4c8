"""HashNet reads PyTorch's files and Keras' weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import golden
from tests.methods.hashnet_golden import method
from tests.originals import torch_writer
from tfhash import backbones, originals
from tfhash.backbones.base import IMAGENET
from tfhash.backbones.layers import keras_weights
from tfhash.methods import hashnet
from tfhash.originals import readers


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A torchvision file of ResNet18 with its ImageNet head, and its arrays."""
    arrays = golden.weights("hashnet").build("resnet18", 7, 4)
    del arrays["hash_layer.weight"], arrays["hash_layer.bias"]
    arrays["fc.weight"], arrays["fc.bias"] = np.ones((5, 512), "f4"), np.ones(5, "f4")
    return torch_writer.write_published(
        tmp_path_factory.mktemp("pth") / "resnet18.pth", arrays
    ), arrays


def test_a_published_file_is_read_but_for_its_head(published):
    path, arrays = published
    recipe = method(bits=4)
    last = recipe.variables()["hash_layer/kernel"].numpy()
    lines = originals.read(recipe, path)
    assert "100 variables read; the last layer is new" in lines[0]
    variables = recipe.variables()
    np.testing.assert_array_equal(variables["hash_layer/kernel"], last)
    expected = arrays["layer2.0.downsample.0.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(variables["layer2.0.downsample.0/kernel"], expected)


def test_a_file_of_another_network_is_refused_and_nothing_assigned(published):
    recipe = method(img_model="ResNet34", bits=4)
    before = recipe.variables()["conv1/kernel"].numpy()
    with pytest.raises(ValueError, match=r"another network.*layer1.2.conv1.weight"):
        originals.read(recipe, published[0])
    np.testing.assert_array_equal(recipe.variables()["conv1/kernel"], before)


def test_a_file_with_a_layer_of_another_shape_is_refused(published, tmp_path):
    arrays = published[1] | {"conv1.weight": np.zeros((64, 3, 3, 3), "f4")}
    path = torch_writer.write_published(tmp_path / "w.pth", arrays)
    with pytest.raises(ValueError, match=r"conv1/kernel.*\(3, 3, 3, 64\).*\(7, 7, 3, 64\)"):
        originals.read(method(bits=4), path)


def test_a_snapshot_tells_its_network_and_length(published, tmp_path):
    head = {"weight": np.zeros((12, 512), "f4"), "bias": np.zeros(12, "f4")}
    arrays = published[1] | {f"hash_layer.{leaf}": array for leaf, array in head.items()}
    path = tmp_path / "s.tar"
    torch_writer.write_published(path, {f"0.{name}": array for name, array in arrays.items()})
    shapes = readers.shapes(path)
    assert originals.recognize(shapes) == "hashnet"
    config, _ = originals.program("hashnet").config_of(hashnet.Config(), shapes)
    assert (config.img_model, config.bits) == ("ResNet18", 12)


def keras_arrays(model):
    return {variable.path: variable.numpy() for variable in model.variables}


def test_keras_weights_of_a_vgg_give_what_keras_gives(monkeypatch):
    """Inside of the borders, where padding differs: features of its first block."""
    keras.utils.set_random_seed(0)
    model = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    arrays = keras_arrays(model)
    arrays |= {"fc1/kernel": np.zeros((25088, 1), "f4"), "fc1/bias": np.zeros(1, "f4")}
    arrays |= {"fc2/kernel": np.zeros((1, 1), "f4"), "fc2/bias": np.zeros(1, "f4")}
    monkeypatch.setattr(keras_weights, "download", {"VGG16": arrays}.get)
    layers = ("features.0/kernel", "features.0/bias", "features.28/kernel")
    converted = backbones.load("VGG16").read("keras", dict.fromkeys(layers)).arrays
    pixels = golden.seeded.images(1, 2, 32, 32)
    bgr = keras.applications.vgg16.preprocess_input(pixels.astype(np.float32))
    expected = keras.Model(model.input, model.get_layer("block1_conv1").output)(bgr)
    ours = tf.nn.conv2d(IMAGENET.normalize(pixels), converted["features.0/kernel"], 1, "SAME")
    ours = tf.nn.relu(ours + converted["features.0/bias"])
    np.testing.assert_allclose(ours[:, 1:-1, 1:-1], expected[:, 1:-1, 1:-1], atol=1e-3, rtol=1e-3)
    np.testing.assert_array_equal(converted["features.28/kernel"], arrays["block5_conv3/kernel"])


def test_keras_weights_of_a_resnet_fill_the_network(monkeypatch):
    keras.utils.set_random_seed(0)
    model = keras.applications.ResNet50(weights=None, include_top=False)
    monkeypatch.setattr(keras_weights, "download", {"ResNet50": keras_arrays(model)}.get)
    recipe = method(img_model="ResNet50")
    count = len(originals.backbone_variables(recipe))
    assert f"{count} of {count} variables read" in originals.read(recipe, "keras")[0]


def test_a_network_that_keras_has_not_is_refused():
    with pytest.raises(ValueError, match="keras.applications has no weights of ResNet18.*.pth"):
        originals.read(method(), "keras")


def test_weights_that_can_not_be_downloaded_are_refused(monkeypatch):
    def fail(**_):
        raise Exception("URL fetch failure")  # what Keras raises

    monkeypatch.setattr(keras.applications, "ResNet50", fail)
    with pytest.raises(ValueError, match="ResNet50 can't be downloaded: URL fetch failure"):
        originals.read(method(img_model="ResNet50"), "keras")
