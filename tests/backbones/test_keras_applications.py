"""Networks of keras.applications: the same functions, and what tfhash promises of any network."""

import functools
import hashlib
import pathlib
import socket
import sys
import warnings

import keras
import numpy as np
import pytest
from keras.src.applications import convnext
from keras.src.utils import file_utils

from tests import examples, golden
from tfhash import backbones, checks, pretrained
from tfhash.backbones import _keras_files, keras_applications
from tfhash.backbones.base import stored
from tfhash.backbones.layers import batch_norm, dropout, keras_layers
from tfhash.model import Model
from tfhash.training.interrupts import Interrupts

QUICK = ("MobileNetV3Small", "EfficientNetV2B0", "ResNet50V2", "DenseNet121")
OTHERS = (
    *("ConvNeXtTiny", "EfficientNetB0", "EfficientNetV2S", "InceptionResNetV2", "InceptionV3"),
    *("MobileNet", "MobileNetV2", "NASNetMobile", "ResNet50", "VGG16", "Xception"),
)
CHECKED = QUICK + OTHERS if golden.LONGEST else QUICK  # one of each family
REAL = QUICK[:1] if golden.LONG else ()
BRIGHT, DARK = (1 - 0.485) / 0.229, -0.456 / 0.224
IMAGENET, SIGNED = (BRIGHT, DARK, (0.4 - 0.406) / 0.225), (1, -1, -0.2)
LEAVES = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")  # in Keras' order
SMALL, FILE = backbones.load("keras:MobileNetV3Small"), _keras_files.FILES["MobileNetV3Small"]


def classes():
    return {name for name in dir(keras.applications) if name[0].isupper()}


@functools.cache
def network(member):
    return backbones.load(f"keras:{member}").network(lambda features: features)


def variables(model):
    return stored({variable.path: variable for variable in model.variables})


def plain(member, side):
    """Keras' own network, with weights that tell its variables apart."""
    keras.utils.set_random_seed(1)
    made = getattr(keras.applications, member)
    model = made(include_top=False, weights=None, pooling="avg", input_shape=(side, side, 3))
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization) and layer.weights:
            layer.adapt_mean.assign([0.485, 0.456, 0.406])
            layer.adapt_variance.assign([0.229**2, 0.224**2, 0.225**2])
            layer.finalize_state()
    for variable in model.variables:
        if len(variable.shape) == 1 and not variable.path.startswith(("normalization", "seed")):
            variable.assign(variable.numpy() + rng.uniform(0, 0.2, variable.shape))
    return model


def saved(model, path):
    """`path`, where Keras has saved a model in the layout of its published weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Keras and TensorFlow, about an old layout
        model.save(path)
    return str(path)


@pytest.fixture(scope="module")
def small_file(tmp_path_factory):
    """The weights of `SMALL` as Keras writes them."""
    return saved(plain("MobileNetV3Small", 32), tmp_path_factory.mktemp("keras") / "w.h5")


# ---- which there are


def test_every_network_of_keras_is_a_backbone():
    assert {f"keras:{name}" for name in classes()} == set(keras_applications.NAMES)


@pytest.mark.parametrize("member", _keras_files.FILES if golden.LONGEST else QUICK[:2])
def test_the_files_and_sums_are_those_of_keras(member, monkeypatch):
    asked = []

    def get_file(name, url, file_hash=None, **options):
        asked.append((name, url, file_hash or ""))
        raise InterruptedError

    monkeypatch.setattr(file_utils, "get_file", get_file)
    with warnings.catch_warnings(), pytest.raises(InterruptedError):
        warnings.simplefilter("ignore")  # that images may be of any size
        with keras.StatelessScope(initialize_variables=False):
            getattr(keras.applications, member)(weights="imagenet", include_top=False)
    keras.backend.clear_session()
    assert asked == [tuple(_keras_files.FILES[member])]


@pytest.mark.parametrize("member", CHECKED)
def test_a_network_is_the_function_that_keras_has(member, tmp_path):
    """On 0..255 as Keras prepares it, with weights by way of a file that Keras has written."""
    backbone, ours = backbones.load(f"keras:{member}"), network(member)
    side = backbone.sides[0] if backbone.sides else -(-backbone.least // 32) * 32
    theirs = plain(member, side)
    path = saved(theirs, tmp_path / "w.h5")
    weights = backbone.read(path, variables(ours))
    assert set(weights.arrays) == set(variables(ours)) and not weights.unexpected
    checks.assign(variables(ours), weights.arrays, path)
    images = golden.seeded.images(0, 2, side, side)
    prepare = sys.modules[getattr(keras.applications, member).__module__].preprocess_input
    expected = theirs(prepare(images.astype(np.float32)), training=False).numpy()
    found = ours(backbone.pixels.normalize(images), training=False).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    "member, expected",
    [
        ("ResNet50", (102 - 103.939, 0 - 116.779, 255 - 123.68)),
        ("VGG16", (102 - 103.939, 0 - 116.779, 255 - 123.68)),
        ("ResNet50V2", SIGNED),
        ("MobileNetV3Small", SIGNED),
        ("DenseNet121", IMAGENET),
        ("ConvNeXtTiny", IMAGENET),
        ("EfficientNetV2B0", IMAGENET),
        ("EfficientNetV2S", (255 / 128 - 1, -1, 102 / 128 - 1)),
    ],
)
def test_pixels_are_normalised_as_for_the_published_weights(member, expected):
    """A pixel of 255, 0, 102; ResNet and VGG take blue first."""
    pixel = np.array([[[[255, 0, 102]]]], np.uint8)
    found = backbones.load(f"keras:{member}").pixels.normalize(pixel)
    np.testing.assert_allclose(found[0, 0, 0], expected, atol=1e-5)


@pytest.mark.parametrize("member", CHECKED)
def test_what_no_gradient_trains_is_of_layers_of_the_project(member):
    """Statistics of batch norm and what dropout draws by, which in Keras' layers break promises."""
    for layer in network(member).layers:
        own = type(layer).__module__.startswith("tfhash.")
        assert own or not layer.non_trainable_variables, layer.name


# ---- promises, on a network of as many kinds of layers that is quick to train


def small(include_top, weights, pooling, input_shape):
    """A network as keras.applications makes it, of the layers that tfhash has others for."""
    layers, images = keras.layers, keras.Input(input_shape)
    x = layers.Conv2D(8, 3, strides=2, use_bias=False)(layers.Rescaling(1 / 127.5, -1)(images))
    x = layers.BatchNormalization(scale=False)(x)
    stem = keras.Sequential([layers.Conv2D(8, 2, strides=2), layers.LayerNormalization()])
    x = stem(layers.ReLU()(x))
    y = layers.BatchNormalization()(layers.Conv2D(8, 7, padding="same", groups=8)(x))
    y = convnext.LayerScale(0.5, 8)(layers.ReLU(6.0)(y + 3.0) * (1.0 / 6.0))
    y = layers.Dropout(0.4, noise_shape=(None, 1, 1, 1))(y)
    x = layers.Conv2D(8, 1)(x + y)
    return keras.Model(images, layers.GlobalAveragePooling2D()(x))


@pytest.fixture(params=["small", *REAL])
def member(request, monkeypatch):
    """A network: `small` under another's name, or a real one."""
    if request.param in REAL:
        return request.param
    monkeypatch.setattr(keras.applications, QUICK[0], small)
    return QUICK[0]


def trainer(member, **options):
    """Of a small training in float64 on images of 32 pixels."""
    changes = {"img_model": f"keras:{member}", "batch_size": 8}
    return examples.trainer("dch", changes, precision="float64", seed=3, **options)


def fit(trainer, steps, **options):
    trainer.fit(examples.splits(size=32).train, epochs=1, steps_per_epoch=steps, **options)
    return trainer


def assert_weights(found, expected, **tolerance):
    for name, array in expected.model.arrays().items():
        np.testing.assert_allclose(found.model.arrays()[name], array, err_msg=name, **tolerance)


def rebuilt(model):
    """A `small` network made anew, with the weights of the first."""
    images = keras.Input((32, 32, 3))
    made = keras.Model(images, keras_layers.rebuilt(model, images, dtype="float32"))
    arrays = iter([v.numpy() for v in model.variables if not v.path.startswith("seed")])
    for layer in made.layers:
        for name in LEAVES:
            if getattr(layer, name, None) is not None:
                getattr(layer, name).assign(next(arrays))
    return made


def test_layers_that_break_promises_are_replaced():
    kinds = {type(layer) for layer in rebuilt(small(False, None, "avg", (32, 32, 3))).layers}
    replaced = (batch_norm.BatchNormalization, dropout.Dropout)
    assert {*replaced, keras_layers.LayerScale, keras_layers.DepthwiseConv2D} <= kinds
    left = (keras.layers.BatchNormalization, keras.layers.Dropout, keras.layers.Rescaling)
    assert not kinds & {*left, keras.Sequential, convnext.LayerScale}


def test_a_step_gives_the_outputs_and_takes_the_statistics_of_keras():
    theirs = small(False, None, "avg", (32, 32, 3))
    ours, images = rebuilt(theirs), golden.seeded.images(2, 4, 32, 32).astype(np.float32)
    for layer in (*theirs.layers, *ours.layers):
        if hasattr(layer, "rate"):
            layer.rate = 0.0
    found = ours(images / 127.5 - 1, training=True)
    np.testing.assert_allclose(found, theirs(images, training=True), rtol=1e-4, atol=1e-5)
    for one, other in zip(moving(ours), moving(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def moving(model):
    """The moving statistics of a network's batch norms."""
    return [v.numpy() for v in model.variables if "/moving_" in v.path]


def test_the_names_of_variables_do_not_depend_on_earlier_networks(member):
    one, other = (trainer(member).model.arrays() for _ in range(2))
    assert list(one) == list(other)


def test_two_replicas_train_as_one(member, mirrored):
    one, two = fit(trainer(member), 3), fit(trainer(member, strategy=mirrored), 3)
    assert_weights(two, one, rtol=0, atol=1e-5)


def test_a_resumed_training_ends_with_the_weights_of_an_unbroken_one(member, tmp_path):
    """With the masks of stochastic depth, and the statistics of batch norm."""
    unbroken, stopped, resumed = (trainer(member) for _ in range(3))
    fit(unbroken, 3)
    interrupts = Interrupts()
    stop = keras.callbacks.LambdaCallback(on_train_batch_end=lambda n, logs: interrupts.receive(2))
    fit(stopped, 3, callbacks=[stop], interrupted=interrupts)
    stopped.checkpoints(tmp_path).save()
    assert resumed.checkpoints(tmp_path).restore() == 1
    assert_weights(fit(resumed, 3), unbroken, rtol=0, atol=0)


def test_a_saved_model_gives_the_same_outputs_when_loaded(member, tmp_path):
    model = fit(trainer(member), 1).model
    model.size = (32, 32)
    model.save(tmp_path / "m", step=1)
    query = examples.splits(size=32).query
    np.testing.assert_array_equal(Model.load(tmp_path / "m").embed(query), model.embed(query))


# ---- weights


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The folder of files in an empty cache of Keras; nothing is downloaded."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    monkeypatch.setattr(keras.utils, "get_file", offline)
    return tmp_path / "models"


def offline(*given, **options):
    raise Exception(f"no network; {socket.getdefaulttimeout()} s of patience")


def read(path, backbone=SMALL):
    return backbone.read(path, variables(network("MobileNetV3Small")))


def test_published_weights_are_found_in_the_cache_of_keras(home, small_file, monkeypatch):
    content = pathlib.Path(small_file).read_bytes()
    (home / FILE.name).write_bytes(content)
    published = FILE._replace(digest=hashlib.md5(content).hexdigest())
    monkeypatch.setitem(_keras_files.FILES, "MobileNetV3Small", published)
    found, given = read("imagenet", keras_applications.backbone(SMALL.name)), read(small_file)
    assert len(found.arrays) == len(given.arrays) > 100
    for name, array in given.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array)


def test_another_file_of_that_name_in_the_cache_is_refused_and_stays(home):
    (home / FILE.name).write_bytes(b"other")
    with pytest.raises(ValueError, match=f"its sum is another.*{FILE.digest}.*{FILE.url}"):
        read("imagenet")
    assert (home / FILE.name).read_bytes() == b"other"


def test_what_is_missing_is_named_with_its_sum_and_place(home):
    """A server may be silent for half a minute; the time limit is gone afterwards."""
    with pytest.raises(ValueError) as caught:
        read("imagenet")
    for text in (str(home / FILE.name), FILE.digest, FILE.url, "no network; 30.0 s of patience"):
        assert text in str(caught.value)
    assert socket.getdefaulttimeout() is None


def test_what_the_weights_are_is_said():
    assert pretrained.find("imagenet", SMALL) == "imagenet"
    said = pretrained.said_of("imagenet", SMALL)
    assert said == f"{FILE.name} of keras.applications (MD5 {FILE.digest})"
    assert pretrained.said_of("", SMALL).startswith("random; results of papers on keras:Mobile")


def test_a_file_with_a_classifier_is_read_without_it(tmp_path):
    keras.utils.set_random_seed(1)
    model = keras.applications.MobileNetV3Small(weights=None, classes=3, input_shape=(32, 32, 3))
    weights = read(saved(model, tmp_path / "w.h5"))
    assert set(weights.arrays) == set(variables(network("MobileNetV3Small")))
    assert len(weights.unexpected) == 4 and weights.unexpected[-1].startswith("logits: ")


def test_weights_of_another_network_are_refused(small_file):
    large = keras_applications.backbone("keras:ResNet50")
    with pytest.raises(ValueError, match="another network: .* where conv1_conv/kernel .*img_model"):
        large.read(small_file, variables(network("ResNet50")))


def test_a_file_with_too_few_weights_is_refused(tmp_path):
    images = keras.Input((32, 32, 3))
    first = keras.layers.Conv2D(16, 3, use_bias=False)(images)
    path = saved(keras.Model(images, first), tmp_path / "w.h5")
    with pytest.raises(ValueError, match="holds 1 weights. Expected 2"):
        read(path)


DEVIATION = np.array([0.229, 0.224, 0.225])


def is_of_pixels(variance):
    stored = ("normalization", "normalization/variance:0", variance)
    return keras_applications._normalizes(stored, "w.h5")


def test_a_layer_that_normalises_pixels_is_left_out():
    """EfficientNet's own files have the deviation in place of the variance."""
    assert is_of_pixels(DEVIATION) and is_of_pixels(DEVIATION**2)


def test_other_pixels_than_those_of_imagenet_are_refused():
    with pytest.raises(ValueError, match="normalises pixels by other numbers.*variance"):
        is_of_pixels(np.ones(3))
