import keras
import numpy as np
import pytest

from tests import examples, golden
from tfhash import backbones, checks
from tfhash.backbones import base
from tfhash.backbones.layers import torchvision_layers
from tfhash.originals import hashnet
from tfhash.originals.readers import pth

WHOLE = "vgg11"  # the VGG whose wide layers are compared too, outside the long tests


def case_weights(case, whole):
    """The name of a golden file's network, and its weights: of all layers, or of the convolutions
    alone, which are drawn first."""
    weights = golden.weights("hashnet")
    seed, bits = int(case["in_weights_seed"]), int(case["in_hash_bit"])
    architecture = case.name.removeprefix("forward_").removesuffix("_random_stats")
    options = (bits, float(case["in_hash_gain"]), bool(case["in_random_stats"]))
    spec = weights.spec(architecture, *options)
    name = hashnet.network_name({entry[0]: entry[1] for entry in spec})
    if whole:
        return name, weights.build(architecture, seed, *options)
    convolutions = [entry for entry in spec if entry[0].startswith("features.")]
    arrays = golden.seeded.weights(seed, convolutions)
    for variance in (key for key in arrays if "running_var" in key):
        arrays[variance] = np.maximum(arrays[variance], np.float32(0.25))
    return name, arrays


def start_with_zeros(monkeypatch):
    """Initial weights that are replaced take seconds to draw."""
    for name in ("kaiming", "torch_uniform", "normal"):
        monkeypatch.setattr(torchvision_layers, name, lambda: "zeros")
    monkeypatch.setattr(keras.initializers, "RandomNormal", lambda stddev: "zeros")


def network(case, whole):
    """The name of a golden file's network, and the network with its weights."""
    name, arrays = case_weights(case, whole)
    built = examples.network(name, int(case["in_hash_bit"]))
    variables = base.stored({v.path: v for v in built.variables})
    if not whole:
        variables = {name: v for name, v in variables.items() if name.startswith("features.")}
    checks.assign(variables, pth.fitting(variables, arrays, "golden", head=True), "golden")
    return name, built


def last_layer(built, stage):
    """The output of the last layer of a stage, such as features or layer1."""
    names = [layer.name for layer in built.layers if layer.name.startswith(stage)]
    return built.get_layer([name for name in names if name.count(".") < 2][-1]).output


@pytest.mark.parametrize("name", golden.names("hashnet/forward_*"))
def test_a_forward_pass_equals_the_original(name, monkeypatch):
    case = golden.case(name)
    start_with_zeros(monkeypatch)
    # 130 million numbers take 6 s to draw: the wide layers of one VGG stand for all.
    whole = golden.LONG or name.endswith(WHOLE) or "vgg" not in name
    architecture, built = network(case, whole)
    stages = [key.removeprefix("out_mean_") for key in case.keys() if "out_mean_" in key]
    watched = {stage: last_layer(built, stage) for stage in stages}
    ends = {"features": built.layers[-1].input, "hashed": built.output}
    images = golden.seeded.images(int(case["in_image_seed"]), 2, 224, 224)
    pixels = backbones.load(architecture).pixels.normalize(images)
    outputs = keras.Model(built.input, {"stages": watched} | ends)(pixels, training=False)
    for stage, values in outputs["stages"].items():
        np.testing.assert_array_equal(values.shape, case[f"out_shape_{stage}"][[0, 2, 3, 1]])
        near = {"atol": 1e-4 * np.abs(case[f"out_mean_{stage}"]).max()}
        np.testing.assert_allclose(np.mean(values, (1, 2)), case[f"out_mean_{stage}"], **near)
        np.testing.assert_allclose(np.std(values, (1, 2)), case[f"out_std_{stage}"], **near)
    if whole:
        near = {"atol": 1e-4 * np.abs(case["out_features"]).max()}
        np.testing.assert_allclose(outputs["features"], case["out_features"], **near)
        np.testing.assert_allclose(outputs["hashed"], case["out_hash"], atol=1e-4)
        code = np.tanh(case["out_scale"] * outputs["hashed"].numpy())
        np.testing.assert_allclose(code, case["out_code"], atol=1e-4)


def test_a_tail_that_is_to_stay_is_not_read(monkeypatch):
    toy = torchvision_layers.backbone("toy", features=None, tail=("wide",))
    kept = {"features.0/kernel": None, "features.0/bias": None}
    stored = {"features.0.weight": np.ones((4, 3, 1, 1)), "features.0.bias": np.ones(4)}
    stored |= {"wide.weight": np.ones((2, 4)), "wide.bias": np.ones(2)}
    monkeypatch.setattr(pth, "read", lambda path: (stored, {}))
    assert set(toy.read("toy.pth", kept).arrays) == set(kept)
    assert len(toy.read("toy.pth", kept | {"wide/kernel": None, "wide/bias": None}).arrays) == 4
    stored["features.3.weight"] = np.ones((4, 3, 1, 1))  # of a deeper network
    with pytest.raises(ValueError, match="another network.*unknown: \\['features.3.weight'\\]"):
        toy.read("toy.pth", kept)
