import numpy as np
import pytest
import tensorflow as tf

from tests import golden
from tfhash import checks
from tfhash.backbones import build
from tfhash.backbones.layers import torchvision_layers
from tfhash.originals.readers import pth

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
NETS = {"alexnet": "AlexNet", "resnet18": "ResNet18", "resnet50": "ResNet50", "vgg11": "VGG11",
        "vgg11_bn": "VGG11BN", "vgg16": "VGG16"}  # fmt: skip

WHOLE = ("vgg11",)


def images(seed, count, size):
    pixels = golden.seeded.images(int(seed), count, size, size).astype(np.float32)
    return ((pixels / 255 - MEAN) / STD).astype(np.float32)


def golden_arrays(case, arch, whole):
    """The golden weights, or those of the convolutions alone, which are drawn first."""
    golden_weights = golden.weights("hashnet")
    seed, bits = int(case["in_weights_seed"]), int(case["in_hash_bit"])
    how = (bits, float(case["in_hash_gain"]), bool(case["in_random_stats"]))
    if whole:
        return golden_weights.build(arch, seed, *how)
    spec = [entry for entry in golden_weights.spec(arch, *how) if entry[0].startswith("features.")]
    arrays = golden.seeded.weights(seed, spec)
    return {name: np.maximum(array, np.float32(0.25)) if "running_var" in name else array
            for name, array in arrays.items()}  # fmt: skip


def network(case, arch, whole, monkeypatch):
    """A network here with the golden weights, of the convolutions or of all layers."""
    for name in ("KAIMING", "TORCH_UNIFORM"):  # they are replaced, and take seconds
        monkeypatch.setattr(torchvision_layers, name, "zeros")
    monkeypatch.setattr(torchvision_layers, "normal", lambda: "zeros")
    arrays = golden_arrays(case, arch, whole)
    built = build.build(NETS[arch], int(case["in_hash_bit"]))
    variables = {v.path: v for v in built.variables if not v.path.endswith("/draws")}
    if not whole:
        variables = {name: v for name, v in variables.items() if name.startswith("features.")}
    checks.assign(variables, pth.fitting(variables, arrays, "golden", head=True), "golden")
    return built


@pytest.mark.parametrize(
    "name",
    ["alexnet", "resnet18", "resnet18_random_stats", "resnet50", "resnet50_random_stats", "vgg11",
     "vgg11_bn", "vgg11_bn_random_stats", "vgg16"],
)  # fmt: skip
def test_a_forward_pass_equals_the_original(name, monkeypatch):
    case = golden.case(f"hashnet/forward_{name}")
    # 130 million numbers take 6 s to draw: the dense layers of one VGG stand for all.
    whole = golden.LONG or name in WHOLE or not name.startswith("vgg")
    built = network(case, name.removesuffix("_random_stats"), whole, monkeypatch)
    layers = [str(key).removeprefix("out_mean_") for key in case.keys() if "out_mean_" in key]
    found = {}
    for layer in layers:
        names = [one.name for one in built.layers if one.name.startswith(layer)]
        found[layer] = built.get_layer([n for n in names if n.count(".") < 2][-1]).output
    probe = tf.keras.Model(built.input, [*found.values(), built.layers[-1].input, built.output])
    *parts, features, hashed = probe(images(case["in_image_seed"], 2, 224), training=False)
    for layer, part in zip(found, parts):
        np.testing.assert_array_equal(part.shape, case[f"out_shape_{layer}"][[0, 2, 3, 1]])
        largest = np.abs(case[f"out_mean_{layer}"]).max()
        for key, value in (("mean", np.mean(part, (1, 2))), ("std", np.std(part, (1, 2)))):
            np.testing.assert_allclose(value, case[f"out_{key}_{layer}"], atol=1e-4 * largest)
    if not whole:
        return
    largest = np.abs(case["out_features"]).max()
    np.testing.assert_allclose(features, case["out_features"], atol=1e-4 * largest)
    np.testing.assert_allclose(hashed, case["out_hash"], atol=1e-4)
    code = np.tanh(case["out_scale"] * hashed.numpy())
    np.testing.assert_allclose(code, case["out_code"], atol=1e-4)
