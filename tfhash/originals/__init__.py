"""The original programs, a module each: their files and their tables of datasets.

A module of this folder has `METHODS`, the methods that it is the original of. What it may have:

    DATASETS          {the original's name of a dataset: ours}
    TOPS              {method: {dataset: R of its mAP@R}}
    TRAINED_ON        the dataset of its published models, and of its scripts by default
    DATA_DIRS         folders that its scripts have datasets in, by their names
    WEIGHTS           the folder that its scripts have published weights in
    beside(method, dataset, folder)  {setting: value} of what it has beside a dataset's lists
    read(model, path) fills the model from a file of the original; returns lines on what it held
    finish(model, train) takes what such a file lacks from the training part of a dataset
    write(model, path) writes the model as the original program does
    recognizes(shapes) whether `{variable: shape}` of a file is of a trained model
    config_of(config, shapes) the `Config` and the number of classes of such a file
    report(result, folder) writes what the original's test writes; returns the paths
"""

import functools
import importlib
import os
import pathlib
import pkgutil
import typing

from tfhash import checks, data, methods
from tfhash.backbones import base as backbones


@functools.cache
def program(method):
    """The module of the original of a method, or None."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg]
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return next((one for one in modules if method in getattr(one, "METHODS", ())), None)


def _table(method, name):
    return getattr(program(method), name, {})


def dataset_name(method, name):
    """Our name of what a method's original calls a dataset."""
    return _table(method, "DATASETS").get(name, name)


def top(method, dataset):
    """R of mAP@R in the original, for a dataset; None for all."""
    return _table(method, "TOPS").get(method, {}).get(dataset)


def trained_on(method):
    """The dataset of the original's published models."""
    return getattr(program(method), "TRAINED_ON", "cifar10")


class Place(typing.NamedTuple):
    """Where data are: the dataset, the folder to give as data_dir, `{setting: value}` of there."""

    dataset: str
    folder: str
    settings: dict


def place(method, dataset, data_dir, *, given=False, files=()):
    """The `Place` of the dataset that a name stands for, for a method.

    Where the user gave no folder and `data_dir` has nothing of the dataset, it is that in which
    the method's original has its data. For "auto" that is looked into before digits are taken.

    Args:
        method: its name.
        dataset, data_dir, given, files: as for `data.resolve`.
    """
    unnamed = dataset == "auto" and not given
    resolved, _ = data.resolve(dataset, data_dir, given=given, files=() if unnamed else files)
    homes = getattr(program(method), "DATA_DIRS", ())
    if homes and not given:
        wanted = trained_on(method) if unnamed and resolved == "digits" else resolved
        there = [home for home in homes if data.ready(wanted, home)]
        if not there and wanted == resolved and wanted in data.LISTED:
            there = homes  # the error that lists are missing names the original's place
        if there and not data.ready(wanted, data_dir):
            resolved, data_dir = wanted, there[0]
    kind, folder = data.ready(resolved, data_dir) or (None, None)
    beside = getattr(program(method), "beside", None)
    settings = beside(method, resolved, folder) if beside and kind == "lists" else {}
    return Place(resolved, data_dir, settings)


def weights(method, backbone):
    """The file of published weights of a `Backbone` that lies where a method's original has it.

    "" where there is none, or where several would do.
    """
    folder = pathlib.Path(os.path.expanduser(_table(method, "WEIGHTS") or ""))
    there = [list(folder.glob(name)) for name in backbone.files if _table(method, "WEIGHTS")]
    return next((str(paths[0]) for paths in there if len(paths) == 1), "")


def read(model, path):
    """Fills a model from a file of published weights; lines on what it held.

    Args:
        model: a `Method`.
        path: of a file of its original, or of its backbone.
    Raises:
        ValueError: no such file, or one that does not fit; nothing is changed then.
    """
    reader = getattr(program(model.name), "read", read_backbone)
    return reader(model, path)


def read_backbone(model, path, *, skip=()):
    """Fills the backbone alone of a `Method` from a file of its weights; lines on it.

    Args:
        model, path: as in `read`.
        skip: names of layers that stay as they are.
    """
    backbone = model.backbone
    if backbone.read is None:
        raise ValueError(
            f"The backbone {backbone.name} has no files of weights. Received: {path}. Leave "
            "--pretrained out, or choose another backbone by --img_model."
        )
    every = backbone_variables(model).items()
    wanted = {name: variable for name, variable in every if name.split("/")[0] not in skip}
    weights = backbone.read(path, wanted)
    checks.assign(wanted, weights.arrays, path)
    unexpected = [name for name in weights.unexpected if name.split("/")[0] not in skip]
    return summary(path, weights.arrays, weights.missing, unexpected)


def finish(model, train):
    """Gives a `Method` that `read` has filled what no file of its original holds.

    Args:
        model: the `Method`.
        train: the training part (`Split`) of the dataset that it is trained or tested on.
    """
    finisher = getattr(program(model.name), "finish", None)
    if finisher:
        finisher(model, train)


def backbone_variables(model):
    """`{name: variable}` of the backbone of a `Method`, as files of weights hold them."""
    return {name: v for name, v in variables(model).items() if is_backbone(model, name)}


def variables(model):
    """`{name: variable}` of a `Method` that files hold: no states of dropout."""
    return backbones.stored(model.variables())


def is_backbone(model, name):
    """Whether the variable `name` of a `Method` is of its backbone's network."""
    return name not in model.weights and not model.head.owns(name)


def summary(path, read, missing=(), unexpected=()):
    """Lines on a file: how many variables were `read`, and names that differ from the model's."""
    lines = [f"{path}: {len(read)} of {len(read) + len(missing)} variables read"]
    for kind, names in (("missing", missing), ("unexpected", unexpected)):
        if names:
            lines.append(f"{path}: {kind}: {', '.join(sorted(names))}")
    return lines


def write(model, path):
    """Writes a `Method` as its original program does, so that it can be read there."""
    writer = getattr(program(model.name), "write", None)
    if writer is None:
        raise ValueError(f"Method {model.name!r} writes no files of its original.")
    writer(model, path)


def recognize(shapes, candidates=None):
    """The name of the method whose original wrote a file with these `{variable: shape}`.

    Args:
        shapes: as `readers.shapes` gives them.
        candidates: names of methods; None for all.
    Raises:
        ValueError: none of them, or several.
    """
    candidates = candidates or methods.names()
    able = [n for n in candidates if hasattr(program(n), "recognizes")]
    chosen = [name for name in able if program(name).recognizes(name, shapes)]
    if not chosen:
        raise ValueError(
            f"Expected a file of {' or '.join(candidates)}. "
            f"It holds {sorted(shapes)[:3]} and {max(0, len(shapes) - 3)} more."
        )
    if len(chosen) > 1:
        raise ValueError(f"It may be of {' or '.join(chosen)}. Give --method.")
    return chosen[0]


def report(method, result, folder):
    """Writes what the original's test writes, of a `results.Result`; the paths."""
    writer = getattr(program(method), "report", None)
    return writer(result, folder) if writer else []
