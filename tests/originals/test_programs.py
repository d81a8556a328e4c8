"""What holds for every original program: its files are recognised, its tables name what is here."""

import collections
import dataclasses
import importlib
import pkgutil

import numpy as np
import pytest

from tests import examples, golden
from tfhash import data, methods, originals
from tfhash.backbones import base

MODULES = [module.name for module in pkgutil.iter_modules(originals.__path__) if not module.ispkg]
PROGRAMS = [importlib.import_module(f"{originals.__name__}.{name}") for name in MODULES]
RECOGNIZED = [n for n in methods.names() if hasattr(originals.program(n), "recognizes")]


def of_spec(spec):
    """`{variable: shape}` of a list of (name, shape, ...)."""
    return {name.removesuffix(":0"): shape for name, shape, *_ in spec}


def of_deephash(config):
    layers = dict(golden.weights("deephash").LAYERS) | {"fc8": (4096, 48)}
    shapes = {f"{layer}/kernel": shape for layer, shape in layers.items()}
    shapes |= {f"{layer}/bias": shape[-1:] for layer, shape in layers.items()}
    if hasattr(config, "n_subspace"):
        shapes["C"] = (config.n_subspace * config.n_subcenter, 48)
    return shapes


FILES = {  # `Config -> {variable: shape}` of a trained model's file, by the program
    "deephash": of_deephash,
    "gpq": lambda config: of_spec(golden.weights("gpq").spec(bn_word=3, num_classes=7)),
    "hash_table": lambda config: of_spec(golden.weights("hash_table").weights_spec(64, 64)),
    "hashnet": lambda config: of_spec(golden.weights("hashnet").spec("resnet18", 32)),
    "latent": lambda config: of_spec(golden.weights("latent").spec(32, 7)),
}


def program_name(method):
    return originals.program(method).__name__.rpartition(".")[2]


def shapes_of(method):
    """`{variable: shape}` of a file that the original of a method writes."""
    return FILES[program_name(method)](methods.load(method).Config())


def test_every_program_is_of_methods_that_are_here_and_none_has_two():
    named = [method for program in PROGRAMS for method in program.METHODS]
    assert set(named) <= set(methods.names()) and len(set(named)) == len(named)


# ---- files


@pytest.mark.parametrize("name", RECOGNIZED)
def test_a_file_is_recognized_as_of_its_program_alone(name):
    """Several methods of a program write the same file; then the error asks which."""
    shapes = shapes_of(name)
    assert originals.recognize(shapes, [name]) == name
    takers = [n for n in RECOGNIZED if originals.program(n).recognizes(n, shapes)]
    assert {program_name(taker) for taker in takers} == {program_name(name)}
    if len(takers) == 1:
        assert originals.recognize(shapes) == name
    else:
        with pytest.raises(ValueError, match=f"may be of .*{name}.*Give --method"):
            originals.recognize(shapes)


@pytest.mark.parametrize("name", methods.names())
def test_a_file_of_something_else_is_recognized_as_none(name):
    with pytest.raises(ValueError, match=rf"Expected a file of {name}. It holds \['layer/kernel'"):
        originals.recognize({"layer/kernel": (3, 4)}, [name])


@pytest.mark.parametrize("name", {program_name(name): name for name in RECOGNIZED}.values())
def test_the_model_for_a_file_has_a_variable_for_each_in_it(name):
    """By their sizes, since programs name and turn them as they like. Of a method of each program,
    since models on AlexNet take hundreds of MB."""
    shapes, module = shapes_of(name), methods.load(name)
    config, classes = originals.program(name).config_of(module.Config(), shapes)
    recipe = module.Method(config, num_classes=classes)
    sizes = collections.Counter(int(np.prod(v.shape)) for v in recipe.variables().values())
    assert collections.Counter(int(np.prod(shape)) for shape in shapes.values()) <= sizes


@pytest.mark.parametrize("name", methods.names())
def test_a_file_that_is_not_there_is_an_error_that_names_it(name, tmp_path):
    recipe = examples.model(name).recipe
    for ending in ("npy", "mat", "pth", "ckpt"):
        with pytest.raises(ValueError, match=f"none.{ending}"):
            originals.read(recipe, tmp_path / f"none.{ending}")


@pytest.mark.parametrize("name", methods.names())
def test_a_model_that_its_original_could_not_read_is_not_written(name, tmp_path):
    """None of them knows the backbone tiny."""
    with pytest.raises(ValueError, match=f"{name!r} writes no files|img_model=tiny"):
        originals.write(examples.model(name).recipe, tmp_path / "model.npy")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ["npy", "mat", "pth", "caffemodel"])
@pytest.mark.parametrize("name", methods.names())
def test_weights_of_a_backbone_that_is_not_the_originals_are_read(name, ending, monkeypatch):
    recipe = examples.model(name).recipe

    def read(path, variables):
        return base.Weights({key: np.ones(v.shape, "f4") for key, v in variables.items()})

    monkeypatch.setattr(recipe, "backbone", dataclasses.replace(recipe.backbone, read=read))
    assert "16 of 16 variables read" in originals.read(recipe, f"w.{ending}")[0]


# ---- tables


@pytest.mark.parametrize("program", PROGRAMS, ids=MODULES)
def test_the_datasets_in_the_tables_of_a_program_are_known_here(program):
    ours = getattr(program, "DATASETS", {}).values()
    tops = getattr(program, "TOPS", {})
    named = {*ours, *(name for table in tops.values() for name in table)}
    for name in {*named, getattr(program, "TRAINED_ON", "cifar10")}:
        assert data.resolve(name, "nowhere")[0] == name
    assert set(tops) <= set(program.METHODS)
    assert all(top >= 1 for table in tops.values() for top in table.values())


@pytest.mark.parametrize(
    "name, dataset, top",
    [
        ("dch", "cifar10", 54000),
        ("dhn", "cifar10_zero_shot", 15000),
        ("dtq", "coco", 5000),
        ("dqn", "cifar10", 5),
        ("dqn", "nuswide_81", 5),
        ("dvsq", "nuswide_81", 5000),
        ("dqn", "digits", None),
    ],
)
def test_the_ranks_of_deephash_that_count_are_those_of_its_scripts(name, dataset, top):
    """examples/METHOD/train_val_script.py: Rs, and in that of dqn the number 5."""
    assert originals.top(name, dataset) == top
