"""Backbones of KerasHub in a folder, on tiny presets of random weights that the tests save."""

import importlib.util
import json
import pathlib
import warnings

import keras
import numpy as np
import pytest
import safetensors.numpy

import run_train
from tests import examples, golden
from tfhash import backbones, pretrained
from tfhash.backbones import keras_hub
from tfhash.data import resizing

HUB = importlib.util.find_spec("keras_hub") is not None
needs_hub = pytest.mark.skipif(not HUB, reason=f"needs KerasHub: {keras_hub.INSTALL}")
# Keras gives NumPy 2 its variables in an old way when it saves them.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SIZES = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8}
SIDE, SEEN = (32, 32), {"image_shape": (32, 32, 3), "patch_size": 8}
TEXTS = {"vocabulary_size": 50, "embedding_dim": 8, "max_sequence_length": 8}
IMAGES = golden.seeded.images(0, 2, 40, 60)


def imported():
    """The package; some of what it imports warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import keras_hub
    return keras_hub


def vit():
    drops = {"dropout_rate": 0.3, "attention_dropout": 0.3}
    return imported().models.ViTBackbone(**SIZES, **SEEN, mlp_dim=16, **drops)


def dinov2():
    """Of images of 64 pixels, with two registers behind the class token."""
    options = SEEN | {"image_shape": (64, 64, 3), "position_embedding_shape": (64, 64, 3)}
    options |= {"num_register_tokens": 2, "drop_path_rate": 0.3, "intermediate_dim": 16}
    return imported().models.DINOV2Backbone(**SIZES, **options)


def siglip():
    models, sizes = imported().models, SIZES | {"intermediate_dim": 16}
    return models.SigLIPBackbone(
        models.SigLIPVisionEncoder(**sizes, **SEEN), models.SigLIPTextEncoder(**sizes, **TEXTS)
    )


def clip():
    models, sizes = imported().models, SIZES | {"intermediate_dim": 16}
    seen = SEEN | {"intermediate_activation": "quick_gelu", "intermediate_output_index": None}
    images, texts = models.CLIPVisionEncoder(**sizes, **seen), models.CLIPTextEncoder
    return models.CLIPBackbone(images, texts(**sizes, **TEXTS), projection_dim=6)


def converter(kind, **options):
    layers = imported().layers
    return getattr(layers, f"{kind}ImageConverter")(image_size=SIDE, **options)


KINDS = {
    "vit": (vit, "ViT", {"scale": [1 / 127.5] * 3, "offset": [-1.0] * 3}),
    "dinov2": (
        dinov2,
        "DINOV2",
        {"scale": [0.02, 0.01, 0.03], "interpolation": "bicubic", "antialias": True},
    ),
    "siglip": (siglip, "SigLIP", {"scale": 1 / 255, "crop_to_aspect_ratio": False}),
    "clip": (clip, "CLIP", {}),
}


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    """`name -> (folder, the model, its image converter)`; each is saved once."""
    made, root = {}, tmp_path_factory.mktemp("presets")

    def of(name):
        if name not in made:
            keras.utils.set_random_seed(1)
            make, kind, options = KINDS[name]
            model, images = make(), converter(kind, **options)
            model.save_to_preset(str(root / name))
            images.save_to_preset(str(root / name))
            made[name] = (root / name, model, images)
        return made[name]

    return of


def outputs(name, images):
    """The features of prepared images, with the weights of the preset; and the variables."""
    backbone = backbones.load(name)
    network = backbone.network(lambda features: features)
    variables = {variable.path: variable for variable in network.variables}
    for path, array in backbone.read(backbone.begins, variables).arrays.items():
        variables[path].assign(array)
    return network(images, training=True).numpy(), list(variables)


# ---- a preset of KerasHub


@needs_hub
@pytest.mark.parametrize(
    "end, expected",
    [("", lambda t: t[:, 0]), (":class", lambda t: t[:, 0]), (":mean", lambda t: t[:, 1:].mean(1))],
)
def test_features_are_the_class_token_or_the_mean_of_the_patches(presets, end, expected):
    """In training mode too: nothing drops."""
    folder, model, images = presets("vit")
    prepared = np.asarray(images(IMAGES))
    found, _ = outputs(f"keras_hub:{folder}{end}", prepared)
    np.testing.assert_allclose(found, expected(model(prepared).numpy()), atol=1e-5)


@needs_hub
def test_registers_are_no_patches_and_positions_are_fitted_to_the_images(presets):
    folder, _, images = presets("dinov2")
    prepared = np.asarray(images(IMAGES))
    model = imported().models.Backbone.from_preset(str(folder), image_shape=(*SIDE, 3))
    tokens = model({"images": prepared}).numpy()
    assert tokens.shape[1] == 1 + 2 + 16
    found, _ = outputs(f"keras_hub:{folder}:mean", prepared)
    np.testing.assert_allclose(found, tokens[:, 3:].mean(axis=1), atol=1e-5)


@needs_hub
@pytest.mark.parametrize("name", ["siglip", "clip"])
def test_networks_of_images_and_texts_give_their_embedding_of_an_image(presets, name):
    folder, model, images = presets(name)
    prepared = np.asarray(images(IMAGES), np.float32)
    found, _ = outputs(f"keras_hub:{folder}", prepared)
    np.testing.assert_allclose(found, model.get_vision_embeddings(prepared), atol=1e-5)
    with pytest.raises(ValueError, match="gives no tokens, but .* Leave :mean out"):
        outputs(f"keras_hub:{folder}:mean", prepared)


@needs_hub
@pytest.mark.parametrize("name", KINDS)
def test_images_are_prepared_as_by_the_converter_of_the_preset(presets, name):
    folder, _, images = presets(name)
    backbone = backbones.load(f"keras_hub:{folder}")
    assert backbone.sides == (32,)
    resize = resizing.load(backbone.resize).resize
    found = backbone.pixels.normalize(np.stack([resize(image, SIDE) for image in IMAGES]))
    np.testing.assert_allclose(found, np.asarray(images(IMAGES)), rtol=1e-5, atol=1e-5)


@needs_hub
@pytest.mark.parametrize("name", KINDS)
def test_the_names_of_variables_do_not_depend_on_earlier_networks(presets, name):
    prepared = np.zeros((1, *SIDE, 3), np.float32)
    one, other = (outputs(f"keras_hub:{presets(name)[0]}", prepared)[1] for _ in range(2))
    assert one == other and len(set(one)) == len(one)


# ---- Hugging Face's format

DENSE = {"weight": (8, 8), "bias": (8,)}
NORM = {"weight": (8,), "bias": (8,)}
LAYER = {
    **dict.fromkeys(("norm1", "norm2"), NORM),
    **{f"attention.attention.{part}": DENSE for part in ("query", "key", "value")},
    "attention.output.dense": DENSE,
    "layer_scale1": {"lambda1": (8,)},
    "layer_scale2": {"lambda1": (8,)},
    "mlp.fc1": {"weight": (16, 8), "bias": (16,)},
    "mlp.fc2": {"weight": (8, 16), "bias": (8,)},
}
SHAPES = {
    "embeddings": {"cls_token": (1, 1, 8), "mask_token": (1, 8), "position_embeddings": (1, 65, 8)},
    "embeddings.patch_embeddings.projection": {"weight": (8, 3, 8, 8), "bias": (8,)},
    "layernorm": NORM,
    **{f"encoder.layer.0.{name}": shapes for name, shapes in LAYER.items()},
}
CONFIG = {
    **{"model_type": "dinov2", "image_size": 64, "patch_size": 8, "hidden_size": 8},
    **{"num_hidden_layers": 1, "num_attention_heads": 2, "mlp_ratio": 2, "layerscale_value": 1.0},
    **{"use_swiglu_ffn": False, "hidden_dropout_prob": 0.0, "drop_path_rate": 0.2},
}
PREPROCESSOR = {
    **{"do_center_crop": True, "crop_size": {"height": 32, "width": 32}, "resample": 3},
    **{"size": {"shortest_edge": 36}, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.25, 0.1]},
}


@pytest.fixture
def hugging_face(tmp_path):
    """The folder of a DINOv2 of one layer."""
    rng = np.random.default_rng(0)
    arrays = {
        f"{name}.{leaf}": rng.normal(0, 0.3, shape).astype(np.float32)
        for name, leaves in SHAPES.items()
        for leaf, shape in leaves.items()
    }
    safetensors.numpy.save_file(arrays, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR))
    return tmp_path


@needs_hub
def test_a_folder_of_hugging_face_is_read_as_by_keras_hub(hugging_face):
    model = imported().models.Backbone.from_preset(str(hugging_face), image_shape=(32, 32, 3))
    images = np.random.default_rng(1).normal(0, 1, (2, 32, 32, 3)).astype(np.float32)
    found, _ = outputs(f"keras_hub:{hugging_face}", images)
    np.testing.assert_allclose(found, model({"images": images})[:, 0], atol=1e-5)


@needs_hub
def test_pixels_are_normalised_by_the_preprocessor_of_hugging_face(hugging_face):
    """(pixel / 255 - mean) / std, of the square in the middle of an image."""
    backbone = backbones.load(f"keras_hub:{hugging_face}")
    assert (backbone.sides, backbone.resize) == ((32,), "keras_bicubic_crop_antialias")
    found = backbone.pixels.normalize(np.array([[[[255, 102, 0]]]], np.uint8))
    np.testing.assert_allclose(found, [[[[0.5 / 0.2, 0, -0.3 / 0.1]]]], atol=1e-5)


@needs_hub
def test_a_folder_without_a_word_on_images_is_refused(hugging_face):
    (hugging_face / "preprocessor_config.json").unlink()
    with pytest.raises(ValueError, match="Expected an image converter in .*preprocessor_config"):
        backbones.load(f"keras_hub:{hugging_face}")


# ---- promises, and the command


def trained(folder, strategy=None):
    """The arrays after two steps in float64."""
    changes = {"img_model": f"keras_hub:{folder}", "batch_size": 8}
    trainer = examples.trainer("dch", changes, precision="float64", seed=3, strategy=strategy)
    trainer.fit(examples.splits(size=32).train, epochs=1, steps_per_epoch=2)
    return trainer.model.arrays()


@needs_hub
def test_two_replicas_train_as_one(presets, mirrored):
    folder, *_ = presets("vit")
    one, two = trained(folder), trained(folder, mirrored)
    for name, array in one.items():
        np.testing.assert_allclose(two[name], array, atol=1e-5, err_msg=name)


@needs_hub
def test_a_training_begins_with_the_weights_of_the_preset(presets, run, tmp_path):
    (tmp_path / "here").symlink_to(presets("vit")[0])
    flags = ("--method=gpq", "--dataset=digits", "--batch_size=8", "--steps_per_epoch=1")
    more = ("--epochs=1", "--image_size=32", "--freeze=all", "--img_model=keras_hub:here")
    status, shown, errors = run(run_train, *flags, *more, "--model=m")
    assert status == 0, errors
    assert f"Initial weights: those of the preset in {tmp_path}/here" in shown
    config = json.loads(pathlib.Path("m/config.json").read_text())
    assert config["config"]["img_model"] == f"keras_hub:{tmp_path}/here"


@needs_hub
def test_the_weights_of_a_preset_lie_in_its_folder_alone(presets):
    backbone = backbones.load(f"keras_hub:{presets('vit')[0]}")
    assert pretrained.find(backbone.begins, backbone) == backbone.begins
    with pytest.raises(ValueError, match="lie in that folder. Received: --pretrained=w.h5"):
        backbone.read("w.h5", {})


# ---- names


@pytest.mark.parametrize("name", ["keras_hub:none", "keras_hub:hf://google/vit", "keras_hub:vit"])
def test_what_is_no_folder_is_refused_and_not_downloaded(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="Expected a folder with a config.json.*Nothing is downl"):
        backbones.checked(name)


def test_the_package_is_asked_for_where_it_is_missing(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="needs KerasHub: pip install 'keras-hub>=0.32,<1'"):
        backbones.checked(f"keras_hub:{tmp_path}")


def test_a_colon_in_a_path_is_part_of_it():
    assert keras_hub._parts("keras_hub:/a:b") == ("/a:b", "")
    assert keras_hub._parts("keras_hub:/a:b:mean") == ("/a:b", "mean")
