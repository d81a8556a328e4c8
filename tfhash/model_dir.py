"""models/NAME/: a trained model as plain data, whole or absent, and the states to resume from.

    config.json           method, its settings, dataset, seed, versions
    weights.safetensors   every variable by name; the network is rebuilt from config.json
    manifest.json         SHA-256 of the two, checked on load
    checkpoints/ tensorboard/ report/ history.jsonl

No file of it holds code, so a model directory from a stranger runs none.
"""

import glob
import hashlib
import json
import os
import pathlib
import shutil

import numpy as np
import safetensors
import safetensors.numpy

from tfhash import files, formats
from tfhash.lazy import tf

FORMAT = 2
CONFIG, WEIGHTS, MANIFEST = "config.json", "weights.safetensors", "manifest.json"


def is_model(path):
    """Whether `path` is a folder with a manifest."""
    return (pathlib.Path(path) / MANIFEST).is_file()


def create(path, settings, arrays, *, step=0, overwrite=False):
    """Makes the directory with its first weights under another name, then renames it.

    Args:
        path: the directory to make.
        settings: a dictionary that JSON holds.
        arrays: `{name: array}` of all variables.
        step: the steps that they were trained.
        overwrite: replaces a model directory; anything else is never removed.
    Raises:
        ValueError: `path` exists, and is not a model directory or `overwrite` is False.
    """
    path = pathlib.Path(os.path.abspath(path))
    check_free(path, overwrite=overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new-{os.getpid()}")
    old = path.with_name(f".{path.name}.old-{os.getpid()}")
    try:
        fresh.mkdir()
        _write(fresh, CONFIG, _json(settings))
        _write(fresh, WEIGHTS, _weights(arrays, step=step))
        if path.exists():
            path.rename(old)
        fresh.rename(path)
        files.sync(path.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        if path.exists():
            shutil.rmtree(old, ignore_errors=True)
    return path


def check_free(path, *, overwrite=False):
    """Raises ValueError where `create` would refuse `path`."""
    path = pathlib.Path(path)
    if not path.exists():
        return
    if not path.is_dir() or (any(path.iterdir()) and not is_model(path)):
        raise ValueError(f"`{path}` exists and is not a model directory. Choose another --model.")
    if is_model(path) and not overwrite:
        raise ValueError(
            f"`{path}` holds a model. Use --resume to go on with it, --overwrite to replace it, "
            "or another --model."
        )


def check_there(path):
    """Raises ValueError where nothing is at `path`, and no file whose name begins with it."""
    path = pathlib.Path(path)
    if not path.exists() and not list(path.parent.glob(f"{glob.escape(path.name)}*")):
        raise ValueError(_absence(path))


def _absence(path):
    return (
        f"Expected a model directory at `{path}`. There is none. Train one by run_train.py, or "
        "name another as --model."
    )


def save_weights(path, arrays, *, step):
    """Replaces the weights of a model directory; a crash leaves the old or the new ones whole."""
    _write(pathlib.Path(path), WEIGHTS, _weights(arrays, step=step))


def save_settings(path, settings):
    """Replaces the settings of a model directory in the same way."""
    _write(pathlib.Path(path), CONFIG, _json(settings))


def load_settings(path):
    """The settings of a model directory, checked against its manifest and brought up to date.

    Raises:
        ValueError: it is missing, incomplete, changed, or of a newer format; names the file.
    """
    data = _read(path, CONFIG)
    try:
        settings = json.loads(data)
    except ValueError as error:
        raise ValueError(f"`{path}/{CONFIG}` is not JSON: {error}.") from error
    if not isinstance(settings, dict):
        raise ValueError(f"`{path}/{CONFIG}`: expected an object {{...}}.")
    return formats.upgraded(settings, _manifest(path)["format"])


def load_weights(path):
    """`{name: array}` and the number of steps trained, checked against the manifest."""
    data = _read(path, WEIGHTS)
    try:
        arrays = safetensors.numpy.load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        return arrays, int(header["__metadata__"]["step"])
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"`{path}/{WEIGHTS}` can't be read: {error}") from error


def _json(value):
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def _weights(arrays, *, step):
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    return safetensors.numpy.save(arrays, metadata={"step": str(step)})


def _write(path, name, data):
    """Writes a file and its hash. While the file changes, the manifest admits the old and new."""
    hashes = _manifest(path)["files"] if is_model(path) else {}
    digest = hashlib.sha256(data).hexdigest()
    _replace(path / MANIFEST, _listing(hashes | {name: [*hashes.get(name, []), digest]}))
    _replace(path / name, data)
    _replace(path / MANIFEST, _listing(hashes | {name: [digest]}))


def _listing(hashes):
    return _json({"format": FORMAT, "files": hashes})


def _replace(path, data):
    with files.whole(path) as partial:
        partial.write_bytes(data)


def _manifest(path):
    path = pathlib.Path(path)
    if path.exists() and not path.is_dir():
        raise ValueError(
            f"Expected a model directory at `{path}`. It is a file, of no kind that is read here."
        )
    if not path.exists():
        raise ValueError(_absence(path))
    try:
        manifest = json.loads((path / MANIFEST).read_text())
        version, hashes = manifest["format"], manifest["files"]
    except FileNotFoundError as error:
        raise ValueError(
            f"`{path}` is not a complete model directory: {MANIFEST} is missing."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"`{path / MANIFEST}` is damaged: {error}") from error
    if not isinstance(version, int) or version > FORMAT:
        raise ValueError(
            f"`{path}` has format {version}; this version of tfhash reads up to {FORMAT}. "
            "Update tfhash."
        )
    return {"format": version, "files": hashes}


def _read(path, name):
    admitted = _manifest(path)["files"].get(name, [])
    file = pathlib.Path(path) / name
    if not file.is_file():
        raise ValueError(f"`{path}` is not a complete model directory: {name} is missing.")
    data = file.read_bytes()
    if hashlib.sha256(data).hexdigest() not in admitted:
        raise ValueError(
            f"`{file}` is not the file that was saved: its SHA-256 differs from {MANIFEST}. "
            "Copy the directory again."
        )
    return data


class Checkpoints:
    """The states of a training run in models/NAME/checkpoints.

    Args:
        path: the model directory.
        variables: `{name: tf.Variable}` of the model and its optimizer.
        step: integer tf.Variable, the steps done.
        keep: number of states kept, the newest; None for all.
    """

    def __init__(self, path, variables, step, *, keep=3):
        self.folder = os.path.join(path, "checkpoints")
        self.step = step
        state = tf.train.Checkpoint(variables=dict(variables), step=step)
        self._manager = tf.train.CheckpointManager(
            state, self.folder, max_to_keep=keep, step_counter=step
        )

    def save(self):
        """Saves the state under its step."""
        self._manager.save(checkpoint_number=int(self.step.numpy()))

    def restore(self, step=None):
        """Restores the newest state, if there is one, or that of a step; returns the steps done.

        Args:
            step: None for the newest; 0 is returned if there is none.
        Raises:
            ValueError: its variables are not those of this model, or no state of `step` is kept.
        """
        chosen = self._manager.latest_checkpoint
        if step is not None:
            kept = {int(one.rpartition("-")[2]): one for one in self._manager.checkpoints}
            if step not in kept:
                raise ValueError(
                    f"Expected a state of step {step} in `{self.folder}`. Kept are the steps "
                    f"{sorted(kept)}."
                )
            chosen = kept[step]
        if chosen is None:
            return 0
        try:
            self._manager.checkpoint.restore(chosen).assert_consumed()
        except (AssertionError, ValueError, tf.errors.OpError) as error:
            reason = str(error).strip().splitlines()[0]
            raise ValueError(f"`{chosen}` does not fit this model: {reason}") from error
        return int(self.step.numpy())
