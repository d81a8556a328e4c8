"""What `import tfhash` offers, on top of the rooms below."""

import os

from tfhash import config as fields
from tfhash import settings as all_settings
from tfhash.evaluation import results
from tfhash.evaluation.scoring import Scoring
from tfhash.model import Model
from tfhash.originals import readers
from tfhash.settings import Data
from tfhash.training import distribution, runs, sessions


def load(path, *, method=None, start_from="", gpus="all", virtual_devices=0):
    """A trained model, ready to embed and encode images.

    Args:
        path: a model directory, or a file of an original program.
        method: the method that is expected; None takes any.
        start_from: the model of the stage before, for a file that does not hold it.
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
        runs.check_whole(path, start_from)
        return Model.load(os.fspath(path), method=method, strategy=strategy)
    options = {"method": method, "strategy": strategy, "start_from": start_from}
    return runs.open_original(path, shapes, **options)


def train(method, *, progress=True, **given):
    """Trains a method, into a model directory.

    Args:
        method: its name.
        progress: shows a progress bar.
        given: any settings of run_train.py by their names there: those of the method, as
            num_codebooks, and dataset, model, seed, gpus, epochs, overwrite, resume ...
    Returns:
        The trained `Model`.
    Raises:
        ValueError: an unknown setting, or a value that does not fit; nothing is left behind.

    >>> import tfhash
    >>> small = {"img_model": "tiny", "epochs": 1, "steps_per_epoch": 2, "progress": False}
    >>> model = tfhash.train("gpq", dataset="digits", num_codebooks=12, **small)
    >>> model.path
    'models/48bits'
    """
    settings = all_settings.settle(method, given)
    return sessions.train(settings, given, progress=progress).model


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
    if not isinstance(model, Model):
        model = load(model)
    splits = runs.splits_of(model, given)
    scoring = Scoring(ties=ties, top=R, map_denominator=map_denominator)
    return results.table(results.evaluate(model, splits, batch_size=batch_size, scoring=scoring))
