"""The rules of the folders: what may import what."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
FLOORS = {"data", "losses", "quantization", "retrieval", "metrics"}
SOURCES = sorted(ROOT.glob("tfhash/**/*.py"))


def imported(path):
    """The modules that a file imports, in full."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def parts_used(path):
    return {name.split(".")[1] for name in imported(path) if name.startswith("tfhash.")}


@pytest.mark.parametrize(
    "path", [p for p in SOURCES if p.parent.name in FLOORS], ids=lambda p: str(p.relative_to(ROOT))
)
def test_floors_import_nothing_from_the_project(path):
    assert parts_used(path) <= {"checks", "files", "unpickle", path.parent.name}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_library_does_not_import_flags_or_the_commands(path):
    top = {name.split(".")[0] for name in imported(path)}
    assert not top & {"flags", "run_train", "run_test", "tests", "benchmarks"}


@pytest.mark.parametrize(
    "path", [p for p in SOURCES if p.parent.name == "methods"], ids=lambda p: p.name
)
def test_methods_do_not_import_each_other_or_the_loop(path):
    """But for `base` and private modules, which are no methods: what a family shares."""
    used = {name for name in imported(path) if name.startswith("tfhash.methods.")}
    others = {name for name in used if not name.startswith("tfhash.methods._")}
    assert others <= {"tfhash.methods.base"}
    assert not parts_used(path) & {"hasher", "model_dir", "report", "callbacks", "experiment"}
