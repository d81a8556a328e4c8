"""The model of a search, loaded when it first encodes, and what tells it from others."""

import functools
import glob
import hashlib
import json
import os
import pathlib

from tfhash import config as fields
from tfhash import files, formats, methods, model_dir


class Encoder:
    """A trained model of which an index is made.

    Attributes:
        path: a model directory, or a file of an original.
        fingerprint: a SHA-256 of all that determines its codes.

    Args:
        path: as above.
        load: `() -> Model`; is called when `model` is first used, which may be never.
        start_from: the model of the stage before, of a file that does not hold it.
    Raises:
        ValueError: there is no such model.
    """

    def __init__(self, path, load, start_from=""):
        self.path, self._load = os.fspath(path), load
        self.fingerprint = fingerprint(path, start_from)

    @functools.cached_property
    def model(self):
        """The `Model`."""
        return self._load()


def fingerprint(path, start_from=""):
    """The SHA-256 of all that determines the codes of a model, in hexadecimal.

    Args: as of `Encoder`.
    """
    if not os.path.isdir(path):
        return _digest([_of_file(one) for one in (path, start_from) if one])
    settings = formats.checked(model_dir.load_settings(path), path)
    kind = methods.load(settings["method"]).Config
    free = fields.names(kind, "resume")  # which a training that goes on may change
    config = {name: value for name, value in settings["config"].items() if name not in free}
    kept = {name: settings[name] for name in ("method", "classes", "precision", "input")}
    manifest = json.loads((pathlib.Path(path) / model_dir.MANIFEST).read_text())
    return _digest(kept | {"config": config, "weights": manifest["files"][model_dir.WEIGHTS]})


def _of_file(path):
    """The SHA-256 of each file whose name is a path, or begins with it and a dot."""
    found = [path] if os.path.isfile(path) else sorted(glob.glob(f"{glob.escape(path)}.*"))
    if not found:
        raise ValueError(f"Expected a model at `{path}`. There is none.")
    return [files.sha256(one) for one in found]


def _digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
