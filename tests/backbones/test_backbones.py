"""What holds for every backbone: names, sides, widths, pixels, the linear layer behind it."""

import functools

import keras
import numpy as np
import pytest

from tests import examples, golden
from tfhash import backbones
from tfhash.backbones.base import Pixels

NAMES = backbones.names()
# The others of a family differ in depth alone, and take up to a minute to build.
BUILT = NAMES if golden.LONG else sorted(family.NAMES[0] for family in backbones._families())
IMAGES = [name for name in NAMES if not backbones.load(name).vectors]
WIDTH = 7  # of vectors
LARGE = 100 * 2**20  # bytes of weights
POLICY = "mixed_bfloat16"


def outline(name):
    """The network of a backbone with its linear layer, its variables without values."""
    backbone = backbones.load(name)
    with keras.StatelessScope(initialize_variables=False):
        network = backbone.network(
            backbone.linear_layer(4, dtype="float32"), size=size_of(backbone)
        )
    keras.backend.clear_session()  # else Keras gives them values the next time it can: 10 GB
    return network


@functools.cache
def first_outline(name):
    return outline(name)


def features_of(network):
    """The features in a network with a linear layer behind them."""
    return network.layers[-1].input


def size_of(backbone):
    return (WIDTH,) if backbone.vectors else None


def least_side(backbone):
    return backbone.sides[0] if backbone.sides else backbone.least


@pytest.mark.parametrize("name", NAMES)
def test_a_name_gives_the_backbone_of_that_name(name):
    assert backbones.load(name).name == name


def test_no_two_backbones_share_a_name():
    assert len(set(NAMES)) == len(NAMES)


def test_an_unknown_name_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="Expected a network of .*'tiny'.*Received: 'VGG12'"):
        backbones.load("VGG12")


@pytest.mark.parametrize("name", NAMES)
def test_a_backbone_that_reads_weights_says_which_are_published(name):
    backbone = backbones.load(name)
    assert bool(backbone.read) == bool(backbone.published) == bool(backbone.files)


# ---- layers


@pytest.mark.parametrize("name", BUILT)
def test_the_names_of_the_variables_do_not_depend_on_earlier_networks(name):
    one, other = ([v.path for v in made.variables] for made in (first_outline(name), outline(name)))
    assert one == other and len(set(one)) == len(one)


@pytest.mark.parametrize("name", BUILT)
def test_features_are_a_vector_for_each_image(name):
    batch, width = features_of(first_outline(name)).shape
    assert batch is None and width >= 1


@pytest.mark.parametrize("name", BUILT)
def test_the_layers_that_a_backbone_names_are_there(name):
    backbone, layers = backbones.load(name), {layer.name for layer in first_outline(name).layers}
    assert {*backbone.tail, *backbone.decayed_only, backbone.linear} <= layers


@pytest.mark.parametrize("name", [name for name in BUILT if name in IMAGES])
def test_a_network_runs_on_the_smallest_images_it_takes(name):
    examples.needs(POLICY)
    made = first_outline(name)
    if not golden.LONG and 4 * sum(np.prod(v.shape) for v in made.variables) > LARGE:
        pytest.skip("takes hundreds of MB; set TFHASH_LONG_TESTS=1")
    backbone = backbones.load(name)
    network = backbone.network(lambda features: features, dtype=POLICY)
    images = golden.seeded.images(0, 2, least_side(backbone), least_side(backbone))
    outputs = network(images.astype(np.float32) / 255, training=True)
    assert outputs.shape == (2, features_of(made).shape[1])
    assert np.isfinite(outputs.numpy().astype(np.float32)).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_linear_layer_has_the_name_that_files_give_it_and_stays_wide(name):
    backbone = backbones.load(name)
    layer = backbone.linear_layer(4, dtype=POLICY)
    layer.build((None, 8))
    paths = [variable.path for variable in layer.variables]
    assert paths == [f"{backbone.linear}/kernel", f"{backbone.linear}/bias"]
    assert all(map(backbone.is_linear, paths)) and not backbone.is_linear("conv1/kernel")
    assert layer.compute_dtype == "float32"


# ---- images


@pytest.mark.parametrize("name", IMAGES)
def test_a_side_that_does_not_fit_is_refused_with_one_that_does(name):
    backbone = backbones.load(name)
    side = least_side(backbone)
    backbone.check_side(side)
    wrong = f"backbone {name} takes images of .*{side} pixels.*Received: {side - 1}"
    with pytest.raises(ValueError, match=f"{wrong}. Use --image_size={side}."):
        backbone.check_side(side - 1)
    with pytest.raises(ValueError, match=f"{wrong}. Crop to {side}."):
        backbone.check_side(side - 1, "Crop to {side}.")


@pytest.mark.parametrize("name", [n for n in IMAGES if not backbones.load(n).sides])
def test_a_network_without_a_fixed_side_takes_larger_ones_and_unknown_ones(name):
    backbone = backbones.load(name)
    for side in (backbone.least + 1, 1000, None):
        backbone.check_side(side)


@pytest.mark.parametrize("name", [n for n in NAMES if backbones.load(n).pixels])
def test_pixels_are_normalised_by_channel_in_the_order_of_the_network(name):
    pixels, images = backbones.load(name).pixels, golden.seeded.images(1, 2, 4, 5)
    expected = np.empty(images.shape, np.float64)
    order = {"rgb": (0, 1, 2), "bgr": (2, 1, 0)}[pixels.channels]
    for place, channel in enumerate(order):
        scale = pixels.std[channel] if pixels.std else 1
        expected[..., place] = (images[..., channel] - pixels.mean[channel]) / scale
    np.testing.assert_allclose(pixels.normalize(images), expected, rtol=1e-5, atol=1e-5)


def test_pixels_by_hand():
    images = np.array([[[[9, 20, 31]]]], np.uint8)
    pixels = Pixels((1.0, 2.0, 3.0), (2.0, 3.0, 4.0), "bgr")
    np.testing.assert_array_equal(pixels.normalize(images), [[[[7, 6, 4]]]])
    np.testing.assert_array_equal(Pixels((1.0, 2.0, 3.0)).normalize(images), [[[[8, 18, 28]]]])


# ---- vectors


@pytest.mark.parametrize(
    "name, width",
    [("identity", WIDTH), ("linear", WIDTH), ("linear:3", 3), ("mlp", 512), ("mlp:6x4", 4)],
)
@pytest.mark.parametrize("training", [False, True])
def test_features_of_vectors_are_as_wide_as_the_name_says(name, width, training):
    network = backbones.load(name).network(lambda features: features, dtype=POLICY, size=(WIDTH,))
    vectors = np.random.default_rng(0).standard_normal((3, WIDTH)).astype(np.float32)
    features = network(vectors, training=training).numpy().astype(np.float32)
    assert features.shape == (3, width) and np.isfinite(features).all()


def test_identity_gives_the_vectors():
    network = backbones.load("identity").network(lambda features: features, size=(2,))
    np.testing.assert_array_equal(network(np.array([[1.5, -2.0]], "f4")), [[1.5, -2.0]])


@pytest.mark.parametrize("name", ["mlp:", "mlp:0", "mlp:8x", "mlp:8,4", "linear:3x4", "mlp:99999"])
def test_widths_that_cannot_be_are_refused(name):
    with pytest.raises(ValueError, match=f"Expected a network like .*Received: '{name}'"):
        backbones.load(name)


@pytest.mark.parametrize("size", [None, (16, 16)])
def test_a_network_of_vectors_needs_their_width(size):
    with pytest.raises(ValueError, match="mlp takes vectors.*width as `size`"):
        backbones.load("mlp").network(lambda features: features, size=size)
