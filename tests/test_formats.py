"""Model directories of the first version, which do not say how images are prepared."""

import dataclasses
import json

import numpy as np
import pytest

from tests import examples
from tfhash import backbones, formats, model_dir
from tfhash.backbones.base import Pixels
from tfhash.model import Model

METHODS = (*formats.PIXELS_1, "hash_table")  # those there were; the last normalises by its images


@pytest.fixture
def own_pixels(monkeypatch):
    """Gives the backbone of the small models a normalisation of its own, which format 1 ignored."""
    pixels = Pixels((100.0, 110.0, 120.0), (20.0, 30.0, 40.0), "bgr")
    tiny = dataclasses.replace(backbones.load("tiny"), pixels=pixels)
    monkeypatch.setattr(backbones, "load", lambda name: tiny)
    return pixels


def save_as_format_1(model, path):
    """Makes a model directory as the first version did."""
    settings = model.settings()
    del settings["input"]
    model_dir.create(path, settings, model.arrays())
    manifest = path / model_dir.MANIFEST
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 1}))


def normalised_as_in_format_1(model):
    """The same model on images that are normalised as format 1 did for its method."""
    pixels = formats.PIXELS_1.get(model.method)
    if pixels:
        model.recipe.input = dataclasses.replace(model.recipe.input, pixels=Pixels(**pixels))
    return model


@pytest.mark.parametrize("name", METHODS)
def test_a_model_of_format_1_gives_the_outputs_that_it_gave(name, own_pixels, tmp_path):
    model = examples.model(name)
    save_as_format_1(model, tmp_path / "old")
    loaded = Model.load(tmp_path / "old")
    query = examples.splits().query
    expected = normalised_as_in_format_1(model).embed(query)
    np.testing.assert_array_equal(loaded.embed(query), expected)
    loaded.save(tmp_path / "new")
    assert json.loads((tmp_path / "new" / "manifest.json").read_text())["format"] == 2
    np.testing.assert_array_equal(Model.load(tmp_path / "new").embed(query), expected)


@pytest.mark.parametrize("name", formats.PIXELS_1)
def test_format_1_normalised_otherwise_than_the_backbone(name, own_pixels):
    """Else the test above could not fail."""
    settings = {"method": name, "config": {"img_model": "tiny"}}
    pixels = formats.upgraded(settings, 1)["input"]["pixels"]
    assert Pixels(**pixels) != own_pixels


def test_format_1_on_alexnet_normalised_as_alexnet_does():
    settings = {"method": "dch", "config": {"img_model": "alexnet", "gamma": 20.0}}
    upgraded = formats.upgraded(settings, 1)
    assert upgraded["config"] == settings["config"] | formats.OF_ALL
    assert upgraded["input"] == {"size": None, "pixels": None}


def test_the_alexnet_of_latent_hashing_had_another_name():
    settings = {"method": "latent", "config": {"img_model": "alexnet", "bits": 48}}
    upgraded = formats.upgraded(settings, 1)
    came_later = formats.OF_ALL | formats.ADDED["latent"]
    assert upgraded["config"] == {"img_model": "bvlc_alexnet", "bits": 48} | came_later
    assert upgraded["input"]["pixels"] is None
    assert settings["config"]["img_model"] == "alexnet"  # what was given stays


def test_settings_of_the_present_format_stay_as_they_are():
    settings = examples.model("gpq").settings()
    assert formats.upgraded(settings, model_dir.FORMAT) == settings


@pytest.mark.parametrize("name", formats.ADDED)
def test_settings_that_came_later_are_what_was_done_before(name):
    settings = examples.model(name).settings()
    config = settings["config"]
    came_later = formats.OF_ALL | formats.ADDED[name]
    old = {key: value for key, value in config.items() if key not in came_later}
    upgraded = formats.upgraded(settings | {"config": old}, 2)
    assert upgraded["config"] == config | came_later
