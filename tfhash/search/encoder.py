"""The model of a search, loaded when it first encodes, and what tells it from others."""

import functools
import glob
import hashlib
import json
import os
import pathlib

from tfhash import api, files, methods, model_dir
from tfhash import config as fields
from tfhash.settings import Devices
from tfhash.training import distribution, runs


class Encoder:
    """A trained model of which an index is made.

    Attributes:
        path: a model directory, or a file of an original.
        fingerprint: a SHA-256 of all that determines its codes.

    Args:
        path: as above.
        own_images: whether it encodes images of the user alone, so that its data need not be
            there.
        method: name of the method that is expected; None takes any.
        given: `{setting: value}` of the data in place of those of its training.
        start_from: the model of the stage before, of a file that does not hold it.
        devices: the `Devices`.
        start: is called before TensorFlow is imported.
    Raises:
        ValueError: there is no such model, or settings of data that say nothing of own images.
    """

    def __init__(
        self,
        path,
        *,
        own_images=True,
        method=None,
        given=(),
        start_from="",
        devices=None,
        start=lambda: None,
    ):
        self.path, self._own_images, self._given = os.fspath(path), own_images, dict(given)
        self._options = {"method": method, "start_from": start_from}
        self._devices, self._start = devices or Devices(), start
        others = sorted(set(self._given) - {"image_size"})
        if own_images and others:
            raise ValueError(
                f"Expected --{others[0]} without --images and --index: it is of the data of the "
                "model's training."
            )
        self.fingerprint = fingerprint(path, start_from, self._given.get("image_size", 0))

    @functools.cached_property
    def model(self):
        """The `Model`."""
        if not self._own_images or "_run" in vars(self):
            return self._run.model
        self._start()
        placed = {"gpus": self._devices.gpus, "virtual_devices": self._devices.virtual_devices}
        model = api.load(self.path, **self._options, **placed)
        return sized(model, self._given.get("image_size", 0))

    @functools.cached_property
    def _run(self):
        self._start()
        strategy = distribution.strategy(self._devices.gpus, self._devices.virtual_devices)
        return runs.open_trained(self.path, given=self._given, strategy=strategy, **self._options)

    def database(self):
        """The name of the dataset of its training, and the database of that as a `Split`."""
        return self._run.splits.dataset, self._run.splits.database


def sized(model, side):
    """A model that knows to which size it resizes images.

    Args:
        model: a `Model`; one in a file of an original may not know it.
        side: in pixels, as the user gives it; 0 for the original's own.
    Raises:
        ValueError: none is known, or another than the model's is given.
    """
    if model.size and side and model.size != (side, side):
        raise ValueError(
            f"Expected --image_size as the model's, {model.size[0]}. Received: {side}."
        )
    side = side or model.recipe.input.side
    if not (model.size or side):
        raise ValueError(
            "Expected --image_size: a file of the original does not say it. Received none."
        )
    model.size = model.size or (side, side)
    return model


def fingerprint(path, start_from="", image_size=0):
    """The SHA-256 of all that determines the codes of a model, in hexadecimal.

    Args:
        path, start_from: as of `Encoder`.
        image_size: side in pixels that is given for the model's own; 0 for none.
    """
    if not os.path.isdir(path):
        return _digest([image_size, *(_of_file(one) for one in (path, start_from) if one)])
    settings = model_dir.load_settings(path)
    kind = methods.load(settings["method"]).Config
    free = fields.names(kind, "resume")  # which a training that goes on may change
    config = {name: value for name, value in settings["config"].items() if name not in free}
    kept = {name: settings[name] for name in ("method", "classes", "precision", "input")}
    manifest = json.loads((pathlib.Path(path) / model_dir.MANIFEST).read_text())
    weights = manifest["files"][model_dir.WEIGHTS]
    return _digest(kept | {"config": config, "weights": weights, "image_size": image_size})


def _of_file(path):
    """The SHA-256 of each file whose name is a path, or begins with it and a dot."""
    found = [path] if os.path.isfile(path) else sorted(glob.glob(f"{glob.escape(path)}.*"))
    if not found:
        raise ValueError(f"Expected a model at `{path}`. There is none.")
    return [files.sha256(one) for one in found]


def _digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
