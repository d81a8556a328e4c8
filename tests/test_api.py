"""What `import tfhash` offers: its names, its speed, and the examples in its docstrings."""

import doctest
import pathlib
import subprocess
import sys

import cv2
import numpy as np
import pytest

import tfhash
from tests import examples

ROOT = pathlib.Path(__file__).parents[1]
SMALL = {"img_model": "tiny", "epochs": 1, "steps_per_epoch": 2, "progress": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a model of the docstrings' name."""
    folder = tmp_path_factory.mktemp("api")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        tfhash.train("gpq", dataset="digits", num_codebooks=12, **SMALL)
    return folder


@pytest.fixture
def inside(folder, monkeypatch):
    """The tests of one folder."""
    monkeypatch.chdir(folder)


def test_the_public_names_are_these_and_no_others():
    assert dir(tfhash) == ["Index", "embed", "evaluate", "load", "load_codes", "train"]
    with pytest.raises(AttributeError, match="tfhash.*nonsense"):
        tfhash.nonsense  # noqa: B018


def test_importing_it_does_not_import_tensorflow():
    code = "import sys, tfhash; print('tensorflow' in sys.modules, 'numpy' in sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout.split() == ["False", "False"]


def documented():
    """The public objects with examples in their docstrings."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    objects = {name: getattr(tfhash, name) for name in dir(tfhash)} | {"Model": tfhash.model.Model}
    cases = [case for name, one in objects.items() for case in finder.find(one, name)]
    return [case for case in cases if case.examples]


def test_every_public_name_has_an_example():
    names = {case.name.split(".")[0] for case in documented()}
    assert {*dir(tfhash), "Model"} <= names


@pytest.mark.parametrize("case", documented(), ids=lambda case: case.name)
def test_an_example_runs(case, inside):
    if case.name == "train":
        case.examples[-2].source = case.examples[-2].source.replace(
            "**small", "overwrite=True, **small"
        )
    failures, _ = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(case)
    assert not failures


def test_arrays_and_paths_of_the_same_images_have_the_same_outputs(inside, tmp_path):
    model = tfhash.load("models/48bits")
    images = np.random.default_rng(0).integers(0, 256, (3, 20, 30, 3), dtype=np.uint8)
    paths = []
    for number, image in enumerate(images):
        paths.append(tmp_path / f"{number}.png")
        cv2.imwrite(str(paths[-1]), image[..., ::-1])
    expected = model.embed(images)
    np.testing.assert_allclose(model.embed(paths), expected, atol=1e-6)
    np.testing.assert_allclose(model.embed([str(path) for path in paths]), expected, atol=1e-6)


def test_images_are_resized_as_in_training(inside):
    """The outputs of a part of a dataset are those of its original pixels."""
    model = tfhash.load("models/48bits")
    splits = tfhash.training.runs.splits_of(model, {})
    part = splits.query.subset(np.arange(5))
    original = np.stack([part.images.original(index) for index in part.index])
    np.testing.assert_allclose(model.embed(original), model.embed(part), atol=1e-6)


@pytest.mark.parametrize(
    "images, words",
    [
        (np.zeros((2, 8, 8, 3), np.float32), "uint8"),
        (np.zeros((8, 8, 3), np.uint8), r"\[n, height, width, 3\]"),
        ([], "Received none"),
        (["nowhere.png"], "nowhere.png"),
    ],
)
def test_what_is_no_image_is_refused(inside, images, words):
    with pytest.raises(ValueError, match=words):
        tfhash.load("models/48bits").embed(images)


@pytest.mark.parametrize("call", ["predict", "__call__"])
def test_a_call_that_would_skip_the_preprocessing_names_embed(call):
    model = examples.model("gpq")
    with pytest.raises(TypeError, match="embed"):
        getattr(model, call)(np.zeros((1, 16, 16, 3), np.uint8))


def test_an_unknown_setting_is_refused_with_the_nearest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="'num_codebook'.*num_codebooks"):
        tfhash.train("gpq", dataset="digits", num_codebook=3)
    with pytest.raises(ValueError, match="'data_dri'.*data_dir"):
        tfhash.evaluate("models/48bits", data_dri="x")
    assert not list(tmp_path.iterdir())


def test_codes_are_saved_loaded_and_searched(inside, tmp_path):
    model = tfhash.load("models/48bits")
    images = np.random.default_rng(1).integers(0, 256, (9, 16, 16, 3), dtype=np.uint8)
    model.encode(images).save(tmp_path / "codes.npz")
    codes = tfhash.load_codes(tmp_path / "codes.npz")
    index = tfhash.Index(codes, names=[f"{number}.jpg" for number in range(9)])
    nearest = index.search(model.queries(images), 3)
    assert nearest.positions.shape == nearest.distances.shape == (9, 3)
    best = index.names_of(nearest.positions)[4, 0]
    same = codes.distances(model.queries(images[4:5]))[0]
    assert same[int(best.removesuffix(".jpg"))] == same.min()
