"""A training run: its data, its model directory, and how it starts or goes on."""

import dataclasses
import logging
import os
import zipfile

import numpy as np

from tfhash import data, files, methods, model_dir
from tfhash.originals import readers
from tfhash.training.hasher import Hasher

FREE = ("cache_memory",)  # data options that a resumed training or a test may change
LOG = logging.getLogger("tfhash")


@dataclasses.dataclass(frozen=True)
class DataOptions:
    """Which images, and how they are split; kept in a model's config.json."""

    dataset: str
    data_dir: str = "./cifar10"
    image_size: int = 0  # pixels of a side; 0 for the dataset's own
    split_order: str = ""  # .npy file, see `order` of tfhash/data/loading.py
    seed: int = 0  # of a split that is drawn
    allow_overlap: bool = False
    allow_unlabelled: bool = False
    skip_bad_images: bool = False  # leaves out files that can't be read
    cache_memory: int = 2048  # MiB in which images of files are kept once they are read
    num_classes: int = 0  # that the dataset must have; 0 for as many as it has
    train_file: str = ""  # image lists of a list dataset; "" for those in its folder
    query_file: str = ""
    database_file: str = ""
    val_file: str = ""  # images to validate with

    def load(self, method, config):
        """The checked `Splits` with images as a method takes them, summed up in the log.

        Args:
            method: a class, `Method` of a module of tfhash/methods.
            config: its `Config`.
        """
        splits = data.load(
            self.dataset,
            data_dir=self.data_dir,
            image_size=self.image_size or method.image_size(config),
            seed=self.seed,
            order=_read_order(self.split_order) if self.split_order else None,
            num_classes=self.num_classes,
            files={part: getattr(self, f"{part}_file") for part in data.FILES},
        ).resized(how=method.resizer(config), dtype=method.pixel_dtype)
        splits = splits.cached(self.cache_memory * 2**20)
        if self.skip_bad_images:
            splits = splits.readable()
        data.check(splits, allow_unlabelled=self.allow_unlabelled, allow_overlap=self.allow_overlap)
        for line in data.summary(splits):
            LOG.info(line)
        return splits


def _read_order(path):
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"Expected an .npy file of positions at `{path}`: {error}") from error


@dataclasses.dataclass(frozen=True)
class Run:
    """A model with its place and its data, and the steps of an epoch where it is to train."""

    hasher: Hasher
    path: str
    splits: data.Splits
    steps_per_epoch: int = 0


def start(method, config, options, path, *, strategy, steps_per_epoch=0, pretrained=None,
          start_from=None, overwrite=False, **hasher_options):  # fmt: skip
    """Starts a run in a new model directory.

    Args:
        method, config: the method's name and its `Config`.
        options: a `DataOptions` of a resolved dataset.
        path: the model directory to make.
        strategy: a `tf.distribute.Strategy`.
        steps_per_epoch: 0 for the method's own number.
        pretrained: a file of the original to start from, or None.
        start_from: the model directory of the method's stage before, where it has one.
        overwrite: replaces a model directory that is there.
        hasher_options: precision, seed and jit_compile of `Hasher`.
    Raises:
        ValueError: `path` is taken, the data or a setting is bad; nothing is left behind.
    """
    model_dir.check_free(path, overwrite=overwrite)
    splits = options.load(methods.load(method).Method, config)
    hasher = Hasher(method, config, classes=splits.classes, strategy=strategy, **hasher_options)
    hasher.method.check_start(pretrained)
    own_steps = hasher.method.steps_per_epoch(splits.train)  # checks the split too
    steps = steps_per_epoch or own_steps
    if pretrained:
        for line in hasher.method.load_original(pretrained):
            LOG.info(line)
    _continue(hasher, start_from, options.dataset)
    hasher.prepare(splits.train)
    stored = {name: _absolute(name, v) for name, v in dataclasses.asdict(options).items()}
    settings = hasher.settings(data=stored, steps_per_epoch=steps)
    model_dir.create(path, settings, hasher.arrays(), overwrite=overwrite)
    write_left_out(splits, path)
    return Run(hasher, os.fspath(path), splits, steps)


def write_left_out(splits, folder):
    """Writes FOLDER/bad_images.txt, a file a line, where files were left out."""
    if not splits.left_out:
        return
    path = os.path.join(folder, "bad_images.txt")
    with files.whole(path) as partial:
        text = "".join(f"{name}\n" for name in splits.left_out)
        partial.write_bytes(text.encode(errors="surrogateescape"))
    LOG.info("wrote %s", path)


def _continue(hasher, path, dataset):
    """Takes over what the model of the stage before has learned."""
    method = hasher.method
    needed = method.stage_before(method.config, dataset) is not None
    if needed != bool(path):
        raise ValueError(
            f"Expected `start_from`, the model directory of the stage before this one of "
            f"{method.name!r}. Received none."
            if needed
            else f"{method.name!r} starts from no model with these settings. "
            f"Received: start_from={path!r}."
        )
    if path:
        method.continue_from(Hasher.load(path, method=method.name).method)


def resume(path, *, method=None, changes=(), strategy=None, jit_compile=False):
    """Goes on with the run in a model directory, at the step of its newest saved state.

    Args:
        path: the model directory.
        method: the method that is expected; None takes any.
        changes: `{setting: value}` asked for; only those may differ that the method allows.
        strategy, jit_compile: as in `start`.
    Raises:
        ValueError: no such directory, a setting that differs, or states that do not fit.
    """
    settings = model_dir.load_settings(path)
    free = methods.load(settings.get("method")).Method.changeable
    _apply(settings, changes, path, free=free)
    hasher = Hasher.load(path, strategy=strategy, method=method, settings=settings,
                         jit_compile=jit_compile)  # fmt: skip
    splits = DataOptions(**settings["data"]).load(hasher.method, hasher.method.config)
    if splits.classes != hasher.classes:
        raise ValueError(
            f"`{path}` was trained on the classes {list(hasher.classes)}. "
            f"Received: {list(splits.classes)}."
        )
    saved = hasher.step
    hasher.prepare(splits.train)
    if hasher.checkpoints(path).restore() < saved:
        raise ValueError(
            f"`{path}` holds the weights of step {saved}, but no state of it in checkpoints/. "
            "Train again with --overwrite."
        )
    model_dir.save_settings(path, settings)
    return Run(hasher, os.fspath(path), splits, settings["steps_per_epoch"])


def _absolute(name, value):
    """A data option as it is stored: a path holds from every folder."""
    if name in ("data_dir", "split_order") and value:
        return os.path.abspath(os.path.expanduser(value))
    if name == "dataset" and value.startswith("folder:"):
        return "folder:" + os.path.abspath(os.path.expanduser(value.removeprefix("folder:")))
    return value


def _apply(settings, changes, path, *, free=()):
    """Writes the changes that are free into `settings`; ValueError for another that differs."""
    config = settings["config"]
    for name, value in dict(changes).items():
        value = _absolute(name, value)
        before = config.get(name, settings["data"].get(name, settings.get(name)))
        if name in free:
            config[name] = value
        elif name in FREE:
            settings["data"][name] = value
        elif value != before:
            raise ValueError(f"`{path}` was trained with {name}={before}. Received: {value}.")


def open_trained(path, *, method=None, changes=(), data_changes=(), step=None, strategy=None):
    """Opens a model to test it: a model directory, or a file of an original program.

    Args:
        path: models/NAME; or a file that `weights.shapes` reads, as NAME.ckpt with
            NAME.ckpt.index and its .data file beside it.
        method: the method that is expected; None takes any.
        changes: `{setting of the method: value}`; must agree with those of a model directory
            but for those that the method lets a test change.
        data_changes: fields of `DataOptions` that replace those of training.
        step: tests the state that was saved at this step; None for the newest weights.
        strategy: a `tf.distribute.Strategy`.
    Raises:
        ValueError: no model there, a damaged one, or one that the data do not fit.
    """
    shapes = readers.shapes(path)
    if shapes is None:
        settings = model_dir.load_settings(path)
        free = methods.load(settings.get("method")).Method.test_settings
        _apply(settings, changes, path, free=free)
        options = DataOptions(**settings["data"])
        hasher = Hasher.load(path, strategy=strategy, method=method, settings=settings)
    else:
        classes = dict(data_changes).get("num_classes")
        hasher = _open_original(path, shapes, method, dict(changes), strategy, classes)
        dataset = dict(data_changes).get("dataset", hasher.method.original_dataset)
        folder = hasher.method.defaults(dataset, {}).get("data_dir", DataOptions.data_dir)
        options = DataOptions(dataset, data_dir=folder)
    options = dataclasses.replace(options, **dict(data_changes))
    dataset = hasher.method.dataset_names.get(options.dataset, options.dataset)
    dataset, _ = data.resolve(dataset, options.data_dir)
    options = dataclasses.replace(options, dataset=dataset)
    splits = options.load(hasher.method, hasher.method.config)
    if step is not None:
        hasher.prepare(splits.train)  # a state holds it too
        hasher.checkpoints(path).restore(step)
    if shapes is None and splits.classes != hasher.classes:
        LOG.info("The model was trained on other classes than those of %s.", dataset)
    return Run(hasher, os.fspath(path), splits)


def _open_original(path, shapes, method, changes, strategy, classes):
    candidates = [method] if method else methods.names()
    found = [name for name in candidates if methods.load(name).Method.recognizes(shapes)]
    if not found:
        raise ValueError(
            f"`{path}` is no file of {' or '.join(candidates)}. "
            f"It holds {sorted(shapes)[:3]} and {max(0, len(shapes) - 3)} more."
        )
    if len(found) > 1:
        raise ValueError(f"`{path}` may be of {' or '.join(found)}. Give --method.")
    module = methods.load(found[0])
    config, found_classes = module.Method.original_config(module.Config(**changes), shapes)
    names = [str(number) for number in range(classes or found_classes)]
    hasher = Hasher(found[0], config, classes=names, strategy=strategy)
    for line in hasher.method.load_original(path):
        LOG.info(line)
    return hasher
