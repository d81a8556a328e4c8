"""The flags of latent hashing and the original's params.json."""

import dataclasses
import json

import pytest

from flags import common
from flags import latent as latent_flags
from tfhash.methods import latent

ORIGINAL = {
    "learning_rate": 1e-2, "batch_size": 128, "num_epochs": 1250, "num_classes": 10,
    "keep_prob": 0.5, "num_channels": 3, "buffer_size": 1000, "image_size": 227,
    "num_labels": 10, "num_parallel_calls": 8, "save_summary_steps": 50,
}  # fmt: skip


def parse(folder, params, *arguments):
    (folder / "params.json").write_text(json.dumps(params))
    arguments = ["--method=latent", *arguments]
    return common.parse(["run_train.py", *arguments], common.define_train)[0]


def test_the_originals_params_are_the_defaults(tmp_path):
    values = parse(tmp_path, ORIGINAL, f"--model_config={tmp_path}")
    found = latent_flags.config(values)
    assert found == dataclasses.replace(latent.Config(), image_size=227)
    assert values.num_classes == 10


def test_params_set_the_flags_and_other_flags_overrule_them(tmp_path):
    params = ORIGINAL | {"learning_rate": 0.5, "num_epochs": 3, "batch_size": 7, "max_steps": 9}
    file = f"--model_config={tmp_path / 'params.json'}"
    values = parse(tmp_path, params, "--batch_size=5", file, "--num_epochs=4")
    found = latent_flags.config(values)
    assert (found.learning_rate, found.batch_size, found.epochs, found.max_steps) == (0.5, 5, 4, 9)
    assert common.given(values, "learning_rate")  # so that no dataset changes it


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
        parse(tmp_path, ORIGINAL | change, f"--model_config={tmp_path}")


def test_params_without_a_key_are_refused(tmp_path):
    params = {key: value for key, value in ORIGINAL.items() if key != "keep_prob"}
    with pytest.raises(ValueError, match=r"Missing: \['keep_prob'\], unknown: \[\]"):
        parse(tmp_path, params, f"--model_config={tmp_path}")


def test_params_that_are_no_object_or_not_there_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Expected an object"):
        parse(tmp_path, [1], f"--model_config={tmp_path}")
    with pytest.raises(ValueError, match="nowhere`: No such file"):
        parse(tmp_path, {}, "--model_config=nowhere")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(ValueError, match="is no JSON file"):
        parse(tmp_path, {}, f"--model_config={tmp_path / 'broken.json'}")


def test_the_weights_are_taken_from_where_the_original_has_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / latent_flags.WEIGHTS).parent.mkdir(parents=True)
    (tmp_path / latent_flags.WEIGHTS).write_text("")
    for arguments, expected in (((), latent_flags.WEIGHTS), (("--img_model=tiny",), None),
                                (("--pretrained=w.npy",), "w.npy")):  # fmt: skip
        values = parse(tmp_path, {}, *arguments)
        latent_flags.config(values)
        assert values.pretrained == expected
