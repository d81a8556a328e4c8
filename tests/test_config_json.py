"""Damaged and hostile config.json and manifest.json: a model, or one line that names the file."""

import json
import os

import numpy as np
import pytest

from tests import examples
from tfhash import checks, methods, model, model_dir
from tfhash import config as fields

VALUES = (
    None, True, 7, -1, 0, 2**31, 10**30, 10**400, 0.5, -1e300, float("nan"), float("inf"),
    "", "x", "../../x", [], [1], [[]], {}, {"a": 1},
)  # fmt: skip
SEEDS = range(240)
NO_OBJECTS = ("", "nul", "[" * 10**5, '{"a":' * 10**5, "\x00", "7", "\ud800")


@pytest.fixture(scope="module")
def settings():
    """What the command writes, of a small model."""
    stored = examples.model("gpq").settings()
    data = {"dataset": "folder:/x", "data_dir": "/x", "seed": 0, "skip_bad_images": False}
    return stored | {"data": data, "steps_per_epoch": 2, "origins": {"seed": "default"}}


def mutated(value, rng):
    """A copy in which a value at random, at any depth, is another, gone, or of another name."""
    if not value or not isinstance(value, (dict, list)) or rng.random() < 0.1:
        return VALUES[rng.integers(len(VALUES))]
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key, kind = keys[rng.integers(len(keys))], rng.random()
    copy = value.copy()
    if kind < 0.15:
        del copy[key]
    elif kind < 0.25 and isinstance(value, dict):
        copy["unknown"] = copy.pop(key)
    else:
        copy[key] = mutated(value[key], rng)
    return copy


def read(path):
    """What `Model.load` does before it makes a network."""
    stored = model_dir.load_settings(path)
    with checks.naming(f"{path}/config.json"):
        model._config(stored["method"], stored["config"], stored.get("data", {}))


def outcome(path, name):
    """Whether a directory is read; else asserts an error of one line that names its file."""
    try:
        read(path)
    except ValueError as error:
        text = str(error)
        assert name in text and "\n" not in text and len(text) < 3000, text
        return False
    return True


@pytest.fixture(scope="module")
def folder(tmp_path_factory, settings):
    arrays = {"w": np.zeros(1, np.float32)}
    return model_dir.create(tmp_path_factory.mktemp("mutated") / "m", settings, arrays)


def test_the_settings_are_read_as_they_are(folder):
    assert outcome(folder, "config.json")


def test_mutated_settings_are_read_or_refused_in_one_line(folder, settings):
    read = 0
    for seed in SEEDS:
        content = mutated(settings, np.random.default_rng(seed))
        model_dir._write(folder, model_dir.CONFIG, json.dumps(content).encode())
        read += outcome(folder, "config.json")
    model_dir.save_settings(folder, settings)
    assert 0 < read < len(SEEDS) / 2


def test_a_mutated_manifest_is_read_or_refused_in_one_line(folder):
    path, refused = folder / "manifest.json", 0
    whole = path.read_text()
    for seed in SEEDS:
        content = mutated(json.loads(whole), np.random.default_rng(seed))
        path.write_text(json.dumps(content))
        refused += not outcome(folder, f"{folder}")
    path.write_text(whole)
    assert refused > len(SEEDS) / 2


@pytest.mark.parametrize("name", ["config.json", "manifest.json"])
@pytest.mark.parametrize(
    "content", ["", "nul", "[" * 10**5, '{"a":' * 10**5, "\x00", "7", "\ud800"]
)
def test_what_is_no_object_of_json_is_refused(folder, settings, name, content):
    content = content.encode(errors="surrogatepass")
    whole = (folder / "manifest.json").read_bytes()
    if name == "config.json":
        model_dir._write(folder, name, content)
    else:
        (folder / name).write_bytes(content)
    assert not outcome(folder, name)
    (folder / "manifest.json").write_bytes(whole)
    model_dir.save_settings(folder, settings)


def test_settings_of_many_megabytes_are_not_read(folder, settings, monkeypatch):
    monkeypatch.setattr("tfhash.contents.MOST", 100)
    assert not outcome(folder, "manifest.json")


@pytest.mark.parametrize("name", ["config.json", "manifest.json", "weights.safetensors"])
def test_a_pipe_or_a_device_is_refused_and_not_waited_for(tmp_path, settings, name):
    path = model_dir.create(tmp_path / "m", settings, {"w": np.zeros(1, np.float32)})
    (path / name).unlink()
    os.mkfifo(path / name)
    with pytest.raises(ValueError, match=f"{name}`. It is a pipe or a device"):
        model_dir.load_settings(path)
        model_dir.load_weights(path)
    (path / name).unlink()
    (path / name).symlink_to("/dev/zero")
    with pytest.raises(ValueError, match=f"{name}`. It is a pipe or a device"):
        model_dir.load_settings(path)
        model_dir.load_weights(path)


def whole_numbers():
    """(method, setting) of all settings that are integers."""
    kinds = {name: methods.load(name).Config for name in methods.names()}
    return [
        (method, name)
        for method, kind in kinds.items()
        for name in fields.names(kind)
        if kind.__dataclass_fields__[name].type is int
    ]


@pytest.mark.parametrize("method, name", whole_numbers())
def test_no_setting_asks_for_an_endless_code(method, name):
    """Outputs as wide as a setting says are memory; 16384 floats are 2**19 bits."""
    try:
        config = methods.load(method).Config(**{name: 10**6})
    except ValueError as error:
        assert name in str(error) and "1000000" in str(error)
    else:
        assert config.bits <= 2**19


@pytest.mark.parametrize(
    "method, values",
    [
        ("gpq", {"num_codebooks": 10**4, "codeword_length": 10**4}),
        ("dqn", {"n_subspace": 2**14, "output_dim": 2**14, "n_subcenter": 2**16}),
        ("dch", {"learning_rate": float("nan")}),
        ("dch", {"learning_rate": 10**400}),
        ("dtq", {"triplet_margin": float("inf")}),
        ("dch", {"iter_num": 10**30}),
    ],
)
def test_values_that_nothing_can_take_are_refused(method, values):
    with pytest.raises(ValueError, match="Expected .*Received: "):
        methods.load(method).Config(**values)
