"""A training run: its data, its model directory, and how it starts or goes on."""

import dataclasses
import logging
import os

from tfhash import backbones, contents, data, files, methods, model_dir, originals, pretrained
from tfhash import config as fields
from tfhash import settings as all_settings
from tfhash.model import Model
from tfhash.originals import readers
from tfhash.settings import Data
from tfhash.training import batch_sizes, records, trust
from tfhash.training.trainer import Trainer

KEPT = ("precision", "steps_per_epoch")  # of the settings of a run, that a model remembers
LOG = logging.getLogger("tfhash")


@dataclasses.dataclass(frozen=True)
class Run:
    """A model with its place and its data; to train it, its trainer and the steps of an epoch."""

    model: Model
    path: str
    splits: data.Splits
    trainer: Trainer | None = None
    steps_per_epoch: int = 0


def load_splits(options, method, config, *, given=False, check_files=False):
    """The checked `Splits` of a `Data`, with items as a method takes them, summed up in the log.

    Args:
        options: a `Data` of a resolved dataset.
        method: name.
        config: its `Config`.
        given: whether the user gave `data_dir`: then it is an error that it holds nothing.
        check_files: decodes every image file; without `skip_bad_images` a bad one is an error.
    """
    source = methods.load(method).Method.source(config)
    splits = data.load(
        options.dataset,
        data_dir=options.data_dir,
        given=given,
        image_size=options.image_size or source.side,
        seed=options.seed,
        order=data.read_order(options.split_order) if options.split_order else None,
        num_classes=options.num_classes,
        files=all_settings.files_of(dataclasses.asdict(options)),
        split=options.split,
    ).with_pools(source.fitted)
    source.check(splits.query.images.size)
    splits = splits.cached(options.cache_memory * 2**20)
    if options.skip_bad_images or check_files:
        splits = splits.readable(skip=options.skip_bad_images)
    allowed = {name: getattr(options, name) for name in ("allow_unlabelled", "allow_overlap")}
    splits = data.hold_out(splits, options.unseen_classes)
    data.check(splits, **allowed)
    for line in data.summary(splits):
        LOG.info(line)
    return splits


def start(settings, *, strategy):
    """Starts a run in a new model directory, whose lock must be held.

    Args:
        settings: the `Settings`.
        strategy: a `tf.distribute.Strategy`.
    Raises:
        ValueError: the directory is taken, the data or a setting is bad; nothing is left behind.
    """
    run, path = settings.run, settings.model
    model_dir.check_free(path, overwrite=run.overwrite)
    weights, initial = _initial_weights(settings)
    settings.config.check_start(weights)
    if initial != pretrained.RANDOM:
        LOG.info("Initial weights: %s.", initial)
    given = settings.origins["data_dir"] == all_settings.GIVEN
    splits = load_splits(
        settings.data, settings.method, settings.config, given=given, check_files=True
    )
    settings = batch_sizes.fitting(settings, splits.train, strategy.num_replicas_in_sync)
    model = _built(settings, splits, strategy)
    batch_sizes.check(model.config, model.strategy.num_replicas_in_sync)
    steps = model.recipe.steps_per_epoch(splits.train)  # checks the split too
    steps = run.steps_per_epoch or steps
    _continue(model.recipe, run.start_from, settings.data.dataset)
    if weights:
        for line in originals.read(model.recipe, weights):
            LOG.info(line)
    originals.finish(model.recipe, splits.train)
    if not run.start_from:  # of which the model has what its input learned
        model.recipe.input.fit(model.recipe.network, splits.train)
    trainer = Trainer(model, jit_compile=run.jit_compile)
    trainer.prepare(splits.train)
    model.stored = {
        "data": settings.data.stored(),
        "steps_per_epoch": steps,
        "origins": settings.origins,
        "initial_weights": initial,
    }
    # Not by `Model.save`, which asks for the lock: who calls this has it.
    options = {"overwrite": run.overwrite, "own": True}
    model_dir.create(path, model.settings(), model.arrays(), **options)
    model.path = path
    write_left_out(splits, path)
    return Run(model, os.fspath(path), splits, trainer, steps)


def _built(settings, splits, strategy):
    """The `Model` of a new run."""
    return Model(
        settings.method,
        settings.config,
        classes=splits.trained_classes,
        size=splits.query.images.size,
        precision=settings.run.precision,
        seed=settings.data.seed,
        strategy=strategy,
    )


def write_left_out(splits, folder):
    """Writes FOLDER/bad_images.txt, a file a line, where files were left out."""
    if not splits.left_out:
        return
    path = os.path.join(folder, "bad_images.txt")
    with files.whole(path) as partial:
        text = "".join(f"{name}\n" for name in splits.left_out)
        partial.write_bytes(text.encode(errors="surrogateescape"))
    LOG.info("wrote %s", path)


def _initial_weights(settings):
    """The path of the file of weights that a training begins with, "" for none; a line on it."""
    run, backbone = settings.run, backbones.load(settings.config.img_model)
    named = run.pretrained or ("" if run.start_from else backbone.begins)
    weights = pretrained.find(named, backbone) if named else ""
    if run.start_from and not weights:
        return "", f"those of {run.start_from}"
    return weights, pretrained.said_of(weights, backbone)


def _continue(recipe, path, dataset):
    """Takes over what the model of the stage before has learned: of a model directory, or of a
    file of the original."""
    needed = recipe.config.stage_before(dataset) is not None
    if needed != bool(path):
        raise ValueError(
            f"Expected `start_from`, the model directory of the stage before this one of "
            f"{recipe.name!r}, or a file of its original. Received none."
            if needed
            else f"{recipe.name!r} starts from no model with these settings. "
            f"Received: start_from={path!r}."
        )
    if path:
        shapes = readers.shapes(path)
        before = (
            Model.load(path, method=recipe.name)
            if shapes is None
            else open_original(path, shapes, method=recipe.name)
        )
        recipe.continue_from(before.recipe)


def resume(path, *, method=None, given=(), strategy=None, jit_compile=False):
    """Goes on with the run in a model directory, at the step of its newest saved state.

    Args:
        path: the model directory.
        method: the method that is expected; None takes any.
        given: `{setting: value}` asked for; only those may differ that are free when a training
            goes on.
        strategy, jit_compile: as in `start`.
    Raises:
        ValueError: no such directory, a setting that differs, or states that do not fit.
    """
    settings = model_dir.load_settings(path)
    if not {"data", "steps_per_epoch"} <= set(settings):
        raise ValueError(f"`{path}` is no training, but a model alone. Train another one.")
    settings["data"] = trust.trusted(settings["data"], dict(given), path)
    kind = methods.load(settings["method"]).Config
    _apply(settings, given, path, free=fields.names(kind, "resume"))
    model = Model.load(path, strategy=strategy, method=method, settings=settings)
    batch_sizes.check(model.config, model.strategy.num_replicas_in_sync, begun=True)
    options = Data.of(model.stored["data"])
    splits = load_splits(options, model.method, model.config)
    if splits.trained_classes != model.classes:
        raise ValueError(
            f"`{path}` was trained on the classes {list(model.classes)}. "
            f"Received: {list(splits.trained_classes)}."
        )
    trainer = Trainer(model, jit_compile=jit_compile)
    trainer.prepare(splits.train)
    saved, states = model.restore(path), trainer.checkpoints(path)
    if saved and not states.steps():
        raise ValueError(
            f"`{path}` holds the weights of step {saved}, but no state in checkpoints/. "
            "Train again with --overwrite."
        )
    records.cut(path, states.restore())
    model_dir.save_settings(path, model.settings(), own=True)
    return Run(model, os.fspath(path), splits, trainer, model.stored["steps_per_epoch"])


def _apply(settings, given, path, *, free):
    """Writes the values that are free into `settings`; ValueError for another that differs."""
    config, options = settings["config"], settings.get("data", {})
    kind = methods.load(settings["method"]).Config
    for name, value in all_settings.with_bits(kind, dict(given), config).items():
        value = all_settings.absolute(name, value)
        before = config.get(name, options.get(name, settings.get(name)))
        if name in free:
            config[name] = value
        elif name in fields.names(Data, "resume"):
            options[name] = value
        elif value != before:
            raise ValueError(f"`{path}` was trained with {name}={before}. Received: {value}.")


def open_trained(path, *, method=None, given=(), step=None, strategy=None, start_from=""):
    """Opens a model to test it: a model directory, or a file of an original program.

    Args:
        path: models/NAME; or a file that `readers.shapes` reads, as NAME.ckpt with
            NAME.ckpt.index and its .data file beside it.
        method: the method that is expected; None takes any.
        given: `{setting: value}`; those of the method must agree with a model directory's but
            for those that a test may change, those of the data replace the training's.
        step: tests the state that was saved at this step; None for the newest weights.
        strategy: a `tf.distribute.Strategy`.
        start_from: as in `open_original`.
    Raises:
        ValueError: no model there, a damaged one, or one that the data do not fit.
    """
    given, shapes = dict(given), readers.shapes(path)
    chosen = {name: given.pop(name) for name in fields.names(Data) if name in given}
    if shapes is None:
        check_whole(path, start_from)
        model = _open_directory(path, method, given, strategy)
    else:
        options = {"classes": chosen.get("num_classes"), "start_from": start_from}
        model = open_original(
            path, shapes, method=method, given=given, strategy=strategy, **options
        )
    splits = splits_of(model, chosen)
    if step is not None:
        trainer = Trainer(model)
        trainer.prepare(splits.train)  # a state holds it too
        trainer.checkpoints(path).restore(step)
    return Run(model, os.fspath(path), splits)


def check_whole(path, start_from):
    """Raises ValueError where a stage before is given for a model directory."""
    if start_from:
        raise ValueError(
            f"`{path}` is no file of an original, and a model directory needs no model of the "
            f"stage before. Received: start_from={start_from!r}."
        )


def splits_of(model, given):
    """The `Splits` that a model is tested on: those of its training, but for what is given.

    The model takes images of their size from then on.

    Args:
        model: a `Model`.
        given: `{setting of Data: value}`.
    """
    options = _options_of(model, given)
    if not options.image_size and len(model.size or ()) == 2 and len(set(model.size)) == 1:
        options = dataclasses.replace(options, image_size=model.size[0])
    splits = load_splits(options, model.method, model.config, given="data_dir" in given)
    model.recipe.input.fitted(splits.query.images, model.size)  # vectors are not resized
    model.size = tuple(splits.query.images.size)
    originals.finish(model.recipe, splits.train)
    if "data" in model.stored and splits.trained_classes != model.classes:
        LOG.info("The model was trained on other classes than those of %s.", options.dataset)
    return splits


def _options_of(model, given):
    """The `Data` of a model's training with what is `given`; other data have their own lists."""
    name, stored = model.method, model.stored.get("data")
    stored = stored and trust.trusted(stored, given, model.path)
    before = Data.of(stored or {"dataset": originals.trained_on(name)})
    asked = {key: all_settings.absolute(key, value) for key, value in given.items()}
    asked["dataset"] = originals.dataset_name(name, asked.get("dataset", before.dataset))
    options = dataclasses.replace(before, **asked)
    if stored and (options.dataset, options.data_dir) == (before.dataset, before.data_dir):
        return options
    place = {"given": "data_dir" in given, "files": all_settings.files_of(given)}
    dataset, folder, found = originals.place(name, options.dataset, options.data_dir, **place)
    lists = {f"{part}_file": "" for part in data.FILES}
    lists |= {key: value for key, value in (found | asked).items() if key in lists}
    return dataclasses.replace(options, dataset=dataset, data_dir=folder, **lists)


def _open_directory(path, method, given, strategy):
    settings = model_dir.load_settings(path)
    contents.check_links(path)
    kind = methods.load(settings["method"]).Config
    _apply(settings, given, path, free=fields.names(kind, "test"))
    return Model.load(path, strategy=strategy, method=method, settings=settings)


def open_original(
    path, shapes, *, method=None, given=(), strategy=None, classes=None, start_from=""
):
    """The `Model` in a file of an original program.

    Args:
        path: the file.
        shapes: `{variable: shape}` in it, as `readers.shapes` gives them.
        method, given, strategy: as in `open_trained`.
        classes: their number, where the file does not say it.
        start_from: the model of the stage before, where the method has stages.
    """
    try:
        name = originals.recognize(shapes, [method] if method else None)
    except ValueError as error:
        raise ValueError(f"`{path}`: {error}") from error
    kind = methods.load(name).Config
    config = kind(**all_settings.with_bits(kind, dict(given), {}))
    config, known = originals.program(name).config_of(config, shapes)
    names = [str(number) for number in range(classes or known)]
    model = Model(name, config, classes=names, strategy=strategy)
    _continue(model.recipe, start_from, originals.trained_on(name))
    for line in originals.read(model.recipe, path):
        LOG.info(line)
    return model
