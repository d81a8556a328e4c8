"""What tells a model from others, and when it is loaded."""

import json
import shutil

import pytest

from tests import examples
from tfhash import model_dir
from tfhash.search import encoder


@pytest.fixture
def saved(tmp_path):
    """A model directory."""
    examples.model("gpq").save(tmp_path / "m")
    return tmp_path / "m"


def changed(path, change):
    """Applies `change` to the settings of a model directory."""
    settings = model_dir.load_settings(path)
    change(settings)
    model_dir.save_settings(path, settings)


def test_a_copy_of_a_model_is_the_same_model(saved, tmp_path):
    shutil.copytree(saved, tmp_path / "copy")
    assert encoder.fingerprint(saved) == encoder.fingerprint(tmp_path / "copy")


def test_other_weights_are_another_model(saved):
    before = encoder.fingerprint(saved)
    model_dir.save_weights(saved, examples.model("gpq", seed=1).arrays(), step=0)
    assert encoder.fingerprint(saved) != before


def test_another_way_to_see_images_is_another_model(saved):
    before = encoder.fingerprint(saved)
    changed(saved, lambda settings: settings["input"].update(size=[20, 20]))
    assert encoder.fingerprint(saved) != before


def test_what_only_a_longer_training_needs_makes_no_other_model(saved):
    before = encoder.fingerprint(saved)
    changed(saved, lambda settings: settings["config"].update(save_every=77, epochs=99))
    assert encoder.fingerprint(saved) == before


def test_a_file_is_told_by_its_content_whatever_its_parts(tmp_path):
    for name in ("x.ckpt.index", "x.ckpt.data-00000-of-00001"):
        (tmp_path / name).write_bytes(b"one")
    (tmp_path / "y.npy").write_bytes(b"one")
    before = encoder.fingerprint(tmp_path / "x.ckpt")
    assert before != encoder.fingerprint(tmp_path / "x.ckpt", image_size=32)
    assert before != encoder.fingerprint(tmp_path / "x.ckpt", tmp_path / "y.npy")
    (tmp_path / "x.ckpt.index").write_bytes(b"two")
    assert before != encoder.fingerprint(tmp_path / "x.ckpt")


def test_a_model_is_loaded_when_it_is_first_used(saved):
    started = []
    made = encoder.Encoder(saved, start=lambda: started.append(1))
    assert not started
    assert made.model.method == "gpq" and made.model is made.model and started == [1]


def test_no_model_is_named(tmp_path):
    with pytest.raises(ValueError, match="a model at `.*nowhere`"):
        encoder.Encoder(tmp_path / "nowhere")


def test_a_damaged_model_is_named_before_it_is_loaded(saved):
    (saved / "config.json").write_text(json.dumps({}))
    with pytest.raises(ValueError, match="config.json"):
        encoder.Encoder(saved)


def test_settings_of_other_data_are_refused_for_own_images(saved):
    with pytest.raises(ValueError, match="--dataset without --images"):
        encoder.Encoder(saved, given={"dataset": "digits", "image_size": 16})


def test_a_model_of_a_file_takes_the_size_that_is_given_or_its_own():
    model = examples.model("latent")
    model.size = None
    assert encoder.sized(model, 0).size == (model.recipe.input.side,) * 2
    model.size = None
    assert encoder.sized(model, 64).size == (64, 64)
    with pytest.raises(ValueError, match="--image_size as the model's, 64. Received: 32"):
        encoder.sized(model, 32)


def test_a_model_of_no_known_size_asks_for_it():
    model = examples.model("gpq")
    model.size = None
    with pytest.raises(ValueError, match="Expected --image_size"):
        encoder.sized(model, 0)
