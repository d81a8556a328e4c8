import keras
import numpy as np
import pytest

from tests import examples, golden
from tfhash import checks
from tfhash.backbones import base

CASE = golden.case("hash_table/nin_forward")
WEIGHTS = golden.weights("hash_table")


def original_name(path, head="Embed"):
    """The TF1 name of a variable such as conv2d_0/kernel."""
    layer, leaf = path.split("/")
    leaf = {"kernel": "weights", "bias": "biases"}[leaf]
    return f"{head}/fc1/{leaf}" if layer == "dense" else f"NIN/{layer}/{leaf}"


def network(head="Embed", width=64):
    built = examples.network("nin", width)
    arrays = WEIGHTS.build(1801, 64, 64)
    variables = base.stored({v.path: v for v in built.variables})
    wanted = {path: arrays[original_name(path, head)] for path in variables}
    checks.assign(variables, wanted, "golden")
    return built


@pytest.fixture(scope="module")
def images():
    drawn = WEIGHTS.images(1802, 8)
    np.testing.assert_allclose(drawn.sum(dtype=np.float64), CASE["in_image_sum"], atol=1e-3)
    return drawn


def outputs_of(built, layer, images):
    return keras.Model(built.input, built.get_layer(layer).output)(images, training=False).numpy()


@pytest.mark.parametrize("head", ["embed", "hash"])
def test_the_outputs_equal_the_original(images, head):
    outputs = network(head.capitalize())(images, training=False)
    np.testing.assert_allclose(outputs, CASE[f"out_{head}"], rtol=1e-4, atol=1e-5)


# in the original's graph, the layer of this one
LAYERS = {
    f"conv2d_{number}.{leaf}": f"{name}_{number}"
    for leaf, name in (("BiasAdd", "conv2d"), ("LeakyRelu", "relu"))
    for number in range(7)
} | {"MaxPool2D.MaxPool": "pool1", "AvgPool2D.AvgPool": "pool2", "conv2d_7.BiasAdd": "conv2d_7"}


@pytest.mark.parametrize("original, layer", LAYERS.items())
def test_the_means_of_a_layer_equal_the_original(images, original, layer):
    means = outputs_of(network(), layer, images).mean(axis=(1, 2))
    expected = CASE[f"out_channel_mean/{original}"]
    np.testing.assert_allclose(means, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("prefix, moved", [("out", False), ("out_cropflip", True)])
def test_features_and_logits_equal_the_original(images, prefix, moved):
    if moved:
        row, column = CASE["in_crop_offset"]
        wide = np.pad(images, [(0, 0), (4, 4), (4, 4), (0, 0)])
        images = wide[:, row : row + 32, column : column + 32][:, :, ::-1]
    built = network()
    last = outputs_of(built, "last", images)
    np.testing.assert_allclose(last, CASE[f"{prefix}_last"], rtol=1e-4, atol=1e-5)
    logits = built.get_layer("conv2d_8").logits(outputs_of(built, "conv2d_7", images))
    np.testing.assert_allclose(logits, CASE[f"{prefix}_logits"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", ["odd", "even"])
@pytest.mark.parametrize("layer, kind", [("pool1", "max"), ("pool2", "avg")])
def test_the_poolings_equal_the_original(size, layer, kind):
    pooled = examples.network("nin", 8).get_layer(layer)(CASE[f"in_pool_{size}"])
    np.testing.assert_allclose(pooled, CASE[f"out_pool_{size}_{kind}"], rtol=1e-6)


def test_kernels_start_with_the_variance_of_he():
    kernel = examples.network("nin", 8).get_layer("conv2d_3").kernel.numpy()
    np.testing.assert_allclose(kernel.var(), 2 / (25 * 96), rtol=0.02)


def test_mixed_precision_keeps_the_outputs_wide(images):
    examples.needs("mixed_bfloat16")
    built = examples.network("nin", 8, dtype="mixed_bfloat16")
    assert built(images, training=True).dtype == "float32"
