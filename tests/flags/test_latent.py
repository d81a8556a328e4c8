"""The flags of latent hashing and the original's params.json."""

import dataclasses
import json
import os

import pytest

from flags import common
from flags import latent as latent_flags
from tfhash.config import names
from tfhash.methods import latent

ORIGINAL = {
    "learning_rate": 1e-2,
    "batch_size": 128,
    "num_epochs": 1250,
    "num_classes": 10,
    "keep_prob": 0.5,
    "num_channels": 3,
    "buffer_size": 1000,
    "image_size": 227,
    "num_labels": 10,
    "num_parallel_calls": 8,
    "save_summary_steps": 50,
}


def given(folder, params, *arguments):
    """`{setting: value}` of a command line, beside a params.json."""
    (folder / "params.json").write_text(json.dumps(params))
    return common.parse(["run_train.py", "--method=latent", *arguments], common.TRAIN).given


def test_the_originals_params_are_the_defaults(tmp_path):
    values = given(tmp_path, ORIGINAL, f"--model_config={tmp_path}")
    config = latent.Config.of(values)
    assert config == dataclasses.replace(latent.Config(), image_size=227)
    assert values["num_classes"] == 10
    assert set(values) - {"num_classes"} <= set(names(latent.Config))


@pytest.mark.parametrize("content", ["[" * 100000, "nothing", ""])
def test_a_file_that_is_no_json_is_refused(tmp_path, content):
    (tmp_path / "params.json").write_text(content)
    with pytest.raises(ValueError, match="params.json` is not a JSON file"):
        latent_flags.read_params(tmp_path)


def test_a_pipe_instead_of_the_params_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "params.json")
    with pytest.raises(ValueError, match="params.json`. It is a pipe"):
        latent_flags.read_params(tmp_path)


def test_params_set_the_flags_and_other_flags_overrule_them(tmp_path):
    params = ORIGINAL | {"learning_rate": 0.5, "num_epochs": 3, "batch_size": 7, "max_steps": 9}
    file = f"--model_config={tmp_path / 'params.json'}"
    values = given(tmp_path, params, "--batch_size=5", file, "--num_epochs=4")
    expected = {"learning_rate": 0.5, "batch_size": 5, "epochs": 4, "max_steps": 9}
    assert {name: values[name] for name in expected} == expected


def test_the_originals_network_is_the_one_here(tmp_path):
    assert given(tmp_path, {}, "--img_model=alexnet") == {"img_model": latent.Config().img_model}


@pytest.mark.parametrize(
    "change, message",
    [
        ({"learning_rat": 1}, r"Missing: \[\], unknown: \['learning_rat'\]"),
        ({"keep_prob": None}, "expected a number as 'keep_prob'. Received: None"),
        ({"batch_size": "128"}, "expected a number as 'batch_size'"),
        ({"num_channels": 1}, "expected 3 as 'num_channels'"),
    ],
)
def test_bad_params_are_refused(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        given(tmp_path, ORIGINAL | change, f"--model_config={tmp_path}")


def test_params_without_a_key_are_refused(tmp_path):
    params = {key: value for key, value in ORIGINAL.items() if key != "keep_prob"}
    with pytest.raises(ValueError, match=r"Missing: \['keep_prob'\], unknown: \[\]"):
        given(tmp_path, params, f"--model_config={tmp_path}")


def test_params_that_are_no_object_or_not_there_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Expected an object"):
        given(tmp_path, [1], f"--model_config={tmp_path}")
    with pytest.raises(ValueError, match="nowhere`.*No such file"):
        given(tmp_path, {}, "--model_config=nowhere")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(ValueError, match="is not a JSON file"):
        given(tmp_path, {}, f"--model_config={tmp_path / 'broken.json'}")
