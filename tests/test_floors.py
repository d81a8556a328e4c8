"""The rules of the rooms: what may import what. Imports go down only."""

import ast
import pathlib

import pytest

from tfhash import backbones, methods

ROOT = pathlib.Path(__file__).parents[1]
SOURCES = sorted(ROOT.glob("tfhash/**/*.py"))
# From the lowest up; a room imports rooms above it in this list, and itself.
LEVELS = (
    {"lazy"},
    {"checks", "files", "config", "formats", "precision"},
    {"archives", "contents", "locks", "numpy_files", "pretrained", "sandbox", "unpickle"},
    {"checkpoints", "matlab"},
    {"data", "losses", "quantization", "retrieval", "metrics"},
    {"originals.readers"},
    {"backbones"},
    {"inputs", "evaluation.scoring", "evaluation.table_scoring"},
    {"heads"},
    {"training.optimizers"},
    {"methods", "model_dir"},
    {"originals"},
    {"settings", "evaluation", "training.distribution", "training.plan", "training.interrupts"},
    {"model"},
    {"training"},
    {"comparison"},
    {"api"},
    {"__init__"},
)
# The floor: pure, and its rooms do not know each other.
FLOOR = next(rooms for rooms in LEVELS if "metrics" in rooms)


def imported(path):
    """The modules of tfhash that a file imports, in full but for `tfhash.`"""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from (name for name in names if name.split(".")[0] == "tfhash")


def level(name):
    """The number of the level of a module such as data.images, and its room."""
    parts = name.split(".")
    for count in (2, 1):
        room = ".".join(parts[:count])
        for number, rooms in enumerate(LEVELS):
            if room in rooms:
                return number, room
    return None, name


def module(path):
    return ".".join(path.relative_to(ROOT / "tfhash").with_suffix("").parts)


def relative(paths):
    return [str(path.relative_to(ROOT)) for path in paths]


@pytest.mark.parametrize("path", SOURCES, ids=relative(SOURCES))
def test_imports_go_down_only(path):
    own, room = level(module(path))
    assert own is not None, f"{path}: give its room a place in LEVELS"
    for name in imported(path):
        other, other_room = level(name.removeprefix("tfhash."))
        if other is None:  # a name of tfhash itself, such as __version__
            continue
        below = other < own or other_room == room
        assert below, f"{path}: {name} is of a room above, or beside it"


@pytest.mark.parametrize("path", SOURCES, ids=relative(SOURCES))
def test_the_library_does_not_import_flags_or_the_commands(path):
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    assert not names & {"flags", "run_train", "run_test", "tests", "benchmarks"}


def kin(room, shared):
    """The files of a room, but for its shared and private ones."""
    files = sorted((ROOT / "tfhash" / room).glob("*.py"))
    return [p for p in files if p.stem not in shared and not p.stem.startswith("_")]


@pytest.mark.parametrize(
    "room, shared", [("methods", {"base"}), ("heads", {"base"}), ("backbones", {"base"})]
)
def test_methods_heads_and_backbones_do_not_import_their_kin(room, shared):
    for path in kin(room, shared):
        names = [n.split(".") for n in imported(path) if n.startswith(f"tfhash.{room}.")]
        others = {parts[2] for parts in names} - {path.stem, *shared, "layers"}
        assert not {name for name in others if not name.startswith("_")}, path


@pytest.mark.parametrize("path", SOURCES, ids=relative(SOURCES))
def test_nothing_compares_the_name_of_a_backbone_or_a_method(path):
    """But files of originals and of old formats, which are about one program or version."""
    if module(path).split(".")[0] in ("originals", "formats", "backbones"):
        return
    known = {*backbones.names(), *methods.names()} - {"hash_table"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Compare):
            values = [node.left, *node.comparators]
            named = {v.value for v in values if isinstance(v, ast.Constant)}
            assert not named & known, f"{path}:{node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=relative(SOURCES))
def test_tensorflow_comes_from_tfhash_lazy(path):
    """But in modules that their package makes lazy, since classes there derive from Keras'."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    made_lazy = f'lazy.module(f"{{__name__}}.{path.stem}")'
    if made_lazy not in (path.parent / "__init__.py").read_text():
        assert not names & {"keras", "tensorflow"}, f"{path}: import keras, tf from tfhash.lazy"
