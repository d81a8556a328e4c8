"""Reads the numbers of the originals in tests/golden/ and rebuilds the inputs they came from."""

import functools
import importlib.util
import json
import os
import pathlib

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parent / "golden"
REPOSITORY = pathlib.Path(__file__).parents[1]
# Whatever takes minutes too, such as every network of keras.applications.
LONGEST = os.environ.get("TFHASH_LONG_TESTS") == "1"
# Repeats the originals' longest runs in full.
LONG = LONGEST or "CI" in os.environ


@functools.cache
def _module(path):
    spec = importlib.util.spec_from_file_location(f"golden_{path.parent.name}_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


seeded = _module(ROOT / "seeded.py")


def weights(family):
    """The `weights.py` of one family of goldens, such as "gpq"."""
    return _module(ROOT / family / "weights.py")


class Case:
    """A golden file: `case["out_loss"]` is an array, `case.args` and `case.meta` its JSON note."""

    def __init__(self, path):
        self.name = path.stem
        with np.load(path) as stored:
            self._arrays = {name: stored[name] for name in stored.files}
        note = self._arrays.get("in_meta")
        self.meta = json.loads(str(note)) if note is not None else {}
        self.args = self.meta.get("args", {})

    def __getitem__(self, key):
        return self._arrays[key]

    def __contains__(self, key):
        return key in self._arrays

    def keys(self):
        return self._arrays.keys()

    def __str__(self):
        return self.name


def case(name):
    """The golden file tests/golden/{name}.npz."""
    path = ROOT / f"{name}.npz"
    if not path.exists():
        missing(path)
    return Case(path)


def names(pattern):
    """The names, for `case`, of the golden files that a pattern such as "gpq/network_*" matches."""
    paths = sorted(ROOT.glob(f"{pattern}.npz"))
    if not paths:
        raise FileNotFoundError(f"No golden file in {ROOT} matches {pattern}.npz.")
    return [str(path.relative_to(ROOT).with_suffix("")) for path in paths]


def shared(path):
    """A file that is too large for the repository: in $TFHASH_SHARED or the `shared` beside it."""
    folder = os.environ.get("TFHASH_SHARED") or REPOSITORY.parent / "shared"
    found = pathlib.Path(folder) / path
    if not found.parent.exists() or not list(found.parent.glob(found.name + "*")):
        missing(found)
    return found


@functools.cache
def cifar10_pickles():
    """All CIFAR-10 images and labels, as read from the pickles that cifar10.py writes (seed 0)."""
    writer = _module(shared("data/cifar10.py"))
    archive = writer.Archive(shared("data/cifar10-jpeg.npz"))
    batches = writer.pickle_batches(archive, 0)
    order = np.concatenate([batches[name] for name in sorted(batches)])
    return _Pixels(archive, order), archive.labels[order].astype(np.int64)


class _Pixels:
    """Decodes the images of some positions only."""

    def __init__(self, archive, order):
        self._archive, self._order = archive, order

    def __getitem__(self, positions):
        return np.stack([self._archive.pixels(index) for index in self._order[positions]])


def missing(path):
    """Fails in CI and skips elsewhere: a file that only some machines have."""
    reason = f"{path} is missing; set TFHASH_SHARED to the folder that holds it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def retrieval(case):
    """The parts of a DeepHash metric case, rebuilt: `{name: array}` of what its note describes.

    Labels come first: a class centre and noise make the outputs from them.
    """
    env = {"np": np, "seeded": seeded}
    inputs = sorted(case.meta["inputs"].items(), key=lambda item: "labels =" in item[0])
    for name, recipe in inputs:
        key, _, rest = name.partition(" (labels = ")
        if recipe.startswith("seeded.") and ";" not in recipe:
            known = env | {"labels": env[rest.rstrip(")")]} if rest else env
            env[key] = eval(recipe, known)  # the note is part of the repository
    return {name: value for name, value in env.items() if isinstance(value, np.ndarray)}
