"""What `import tfhash` offers, on top of the rooms below."""

import os

from tfhash import config as fields
from tfhash import settings as all_settings
from tfhash.evaluation import results
from tfhash.evaluation.scoring import Scoring
from tfhash.originals import readers
from tfhash.settings import Data
from tfhash.training import callbacks, distribution, runs


def load(path, *, method=None, gpus="all", virtual_devices=0):
    """A trained model, ready to embed and encode images.

    Args:
        path: a model directory, or a file of an original program.
        method: the method that is expected; None takes any.
        gpus, virtual_devices: as the commands take them.
    Returns:
        A `Model`.
    Raises:
        ValueError: there is no model, or it is damaged or of another method.

    >>> import tfhash
    >>> tfhash.load("models/48bits").method
    'gpq'
    """
    strategy = distribution.strategy(gpus, virtual_devices)
    shapes = readers.shapes(path)
    if shapes is None:
        return runs.Model.load(os.fspath(path), method=method, strategy=strategy)
    return runs.open_original(path, shapes, method=method, strategy=strategy)


def train(method, *, progress=True, **given):
    """Trains a method, into a model directory.

    Args:
        method: its name.
        progress: shows a progress bar.
        given: any settings of the command run_train.py by their names: of the method, as
            num_codebooks, and dataset, model, seed, gpus, epochs, overwrite, resume ...
    Returns:
        The trained `Model`.
    Raises:
        ValueError: an unknown setting, or a value that does not fit; nothing is left behind.

    >>> import tfhash
    >>> model = tfhash.train("gpq", dataset="digits", num_codebooks=12, img_model="tiny", epochs=1)
    >>> model.path
    'models/48bits'
    """
    settings = all_settings.settle(method, given)
    run = begin(settings, given)
    finish(run, settings, progress=progress)
    return run.model


def begin(settings, given):
    """Starts the `Run` of `Settings`, or goes on with it where they say `resume`.

    A model of the stage before is trained first, where the method needs one and none is given.
    """
    strategy = distribution.strategy(settings.devices.gpus, settings.devices.virtual_devices)
    if settings.run.resume:
        kept = {n: v for n, v in given.items() if n not in fields.names(all_settings.Devices)}
        free = [n for n in fields.names(all_settings.Run) if n not in runs.KEPT]
        changes = {n: v for n, v in kept.items() if n not in (*free, "model")}
        return runs.resume(
            settings.model,
            method=settings.method,
            given=changes,
            strategy=strategy,
            jit_compile=settings.run.jit_compile,
        )
    return runs.start(settings, strategy=strategy)


def finish(run, settings, *, progress=True, interrupted=None):
    """Trains a `Run` to its end, with what a training shows and saves beside it."""
    every = run.model.config.save_every
    saving = callbacks.Saving(run.trainer, run.path, every=every)
    watch = callbacks.standard(
        run.trainer,
        run.path,
        run.splits,
        progress=progress,
        validate_every=settings.run.validate_every or every,
    )
    run.trainer.fit(
        run.splits.train,
        steps_per_epoch=run.steps_per_epoch,
        callbacks=[*watch, saving],
        interrupted=interrupted,
    )
    return saving


def evaluate(
    model, *, batch_size=None, ties="stable", R=None, map_denominator="retrieved", **given
):
    """The metrics of a model on the queries and the database of its dataset.

    Args:
        model: a `Model`, or the path of one.
        batch_size: images encoded at once; None for the method's own number.
        ties, R, map_denominator: as run_test.py takes them.
        given: settings of the data in place of the training's, such as dataset and data_dir.
    Returns:
        `{name: value}`.

    >>> import tfhash
    >>> 0 < tfhash.evaluate("models/48bits")["mAP"] <= 1
    True
    """
    all_settings.check_names(given, fields.names(Data))
    if isinstance(model, (str, os.PathLike)):
        model = load(model)
    splits = runs.splits_of(model, given)
    scoring = Scoring(ties=ties, top=R, map_denominator=map_denominator)
    result = results.evaluate(model, splits, batch_size=batch_size, scoring=scoring)
    return results.table(result)
