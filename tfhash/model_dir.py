"""models/NAME/: a trained model as plain data, whole or absent.

    config.json           method, its settings, dataset, seed, versions
    weights.safetensors   every variable by name; the network is rebuilt from config.json
    manifest.json         SHA-256 of the two, checked on load
    checkpoints/ tensorboard/ report/ history.jsonl

No file of it holds code, so a model directory from a stranger runs none.
"""

import glob
import hashlib
import json
import math
import os
import pathlib

import numpy as np
import safetensors
import safetensors.numpy

from tfhash import checks, contents, files, formats

FORMAT = 2
CONFIG, WEIGHTS, MANIFEST = "config.json", "weights.safetensors", "manifest.json"


def is_model(path):
    """Whether `path` is a folder with a manifest."""
    return (pathlib.Path(path) / MANIFEST).is_file()


def create(path, settings, arrays, *, step=0, overwrite=False, own=False):
    """Makes the directory with its first weights under another name, then renames it.

    Args:
        path: the directory to make; a link is followed.
        settings: a dictionary that JSON holds.
        arrays: `{name: array}` of all variables.
        step: the steps that they were trained.
        overwrite: replaces a model directory in which is nothing that tfhash has not written.
        own: the data that the settings name are the user's own; see `is_own`.
    Raises:
        ValueError: `path` exists, and is not such a directory or `overwrite` is False.
    """
    path = pathlib.Path(os.path.realpath(path))
    check_free(path, overwrite=overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh, old = (contents.beside(path, kind) for kind in ("new", "old"))
    try:
        fresh.mkdir()
        place = {"place": _place(path, fresh)} if own else {}
        with files.writing(path):
            _write(fresh, CONFIG, _json(settings | place))
            _write(fresh, WEIGHTS, _weights(arrays, step=step))
        if path.exists():
            path.rename(old)
        fresh.rename(path)
        files.sync(path.parent)
    finally:
        if fresh.exists():
            contents.remove(fresh)
        contents.settle(old, path)
    return path


def check_free(path, *, overwrite=False):
    """Raises ValueError where `create` would refuse `path`."""
    path = pathlib.Path(path)
    if not path.exists():
        return
    if not path.is_dir() or (any(path.iterdir()) and not is_model(path)):
        raise ValueError(f"`{path}` exists and is not a model directory. Choose another --model.")
    if not is_model(path):
        return
    _manifest(path)
    if not overwrite:
        raise ValueError(
            f"`{path}` holds a model. Use --resume to go on with it, --overwrite to replace it, "
            "or another --model."
        )
    strangers = contents.strangers(path)
    if strangers:
        raise ValueError(
            f"`{path}` holds what tfhash has not written, so it is not replaced: "
            f"{', '.join(strangers[:5])}{', ...' if strangers[5:] else ''}. Move that away, or "
            f"choose another --model.{_of_earlier_version(strangers)}"
        )


def _of_earlier_version(strangers):
    """What else helps where a report holds files that no test has listed."""
    if not any(name.startswith(f"{contents.REPORT}/") for name in strangers):
        return ""
    return (
        f" An earlier version did not list the files of its report in {contents.LISTING}: "
        "run_test.py with the same flags writes and lists them anew."
    )


def is_own(path):
    """Whether a model directory was made by a training at the very place where it lies now.

    Then the data that its settings name are those that the user has named. A directory that was
    copied or comes from elsewhere is none: it may name any files of this machine.
    """
    return is_model(path) and load_settings(path).get("place") == _place(path, path)


def check_there(path):
    """Raises ValueError where nothing is at `path`, no file whose name begins with it, and nothing
    beside it that a training which was killed has left."""
    path = pathlib.Path(path)
    name = glob.escape(path.name)
    found = [path.exists(), *path.parent.glob(f"{name}*"), *path.parent.glob(f".{name}.*")]
    if not any(found):
        raise ValueError(_absence(path))


def _absence(path):
    return (
        f"Expected a model directory at `{path}`. There is none. Train one by run_train.py, or "
        "name another as --model."
    )


def _place(path, folder):
    """Where `path` lies, and the number in the file system of `folder`, its directory."""
    return {"path": os.path.realpath(path), "inode": os.stat(folder).st_ino}


def save_weights(path, arrays, *, step, best=-math.inf):
    """Replaces the weights of a model directory; a crash leaves the old or the new ones whole.

    `best` is the value for which they are kept, of a method that keeps the best ones.
    """
    _write(pathlib.Path(path), WEIGHTS, _weights(arrays, step=step, best=best))


def save_settings(path, settings, *, own=False):
    """Replaces the settings of a model directory in the same way; `own` as in `create`."""
    place = {"place": _place(path, path)} if own else {}
    _write(pathlib.Path(path), CONFIG, _json(settings | place))


def load_settings(path):
    """The settings of a model directory, checked against its manifest and brought up to date.

    Raises:
        ValueError: it is missing, incomplete, changed, or of a newer format; names the file.
    """
    settings = _object(os.path.join(path, CONFIG), _read(path, CONFIG, most=contents.MOST))
    return formats.checked(formats.upgraded(settings, _manifest(path)["format"]), path)


def load_weights(path):
    """`{name: array}` and the number of steps trained, checked against the manifest."""
    arrays, (step, _) = _load_weights(path)
    return arrays, step


def best_value(path):
    """The value for which the weights of a model directory are kept; minus infinity for none."""
    _, (_, best) = _load_weights(path)
    return best


def _load_weights(path):
    data = _read(path, WEIGHTS)
    try:
        arrays = safetensors.numpy.load(data)
        notes = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
        step, _, best = notes["step"].partition(" ")
        return arrays, (int(step), float(best or -math.inf))
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"`{path}/{WEIGHTS}` can't be read: {error}") from error


def _json(value):
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def _object(path, content):
    """The `{...}` in a JSON file; ValueError where it is anything else."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"`{path}` is not JSON: {checks.brief(error)}.") from error
    if not isinstance(value, dict):
        raise ValueError(f"`{path}`: expected an object {{...}}.")
    return value


def _weights(arrays, *, step, best=-math.inf):
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    # One note: several would come in any order, and equal weights are to be equal files.
    note = str(step) if best == -math.inf else f"{step} {float(best)!r}"
    return safetensors.numpy.save(arrays, metadata={"step": note})


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
    """`{"format": int, "files": {name: [SHA-256, ...]}}`, checked."""
    path = pathlib.Path(path)
    if path.exists() and not path.is_dir():
        raise ValueError(
            f"Expected a model directory at `{path}`. It is a file, of no kind that is read here."
        )
    if not path.exists():
        raise ValueError(_absence(path))
    file = path / MANIFEST
    if not file.exists():
        raise ValueError(f"`{path}` is not a complete model directory: {MANIFEST} is missing.")
    try:
        manifest = _object(file, files.read(file, "a manifest", most=contents.MOST))
        version, hashes = manifest["format"], manifest["files"]
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise ValueError(f"Expected `format` from 1 on. Received: {version!r:.60}.")
        if not isinstance(hashes, dict) or not all(isinstance(v, list) for v in hashes.values()):
            raise ValueError(f"Expected `files` with a list for each. Received: {hashes!r:.60}.")
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"`{file}` is damaged, or not a manifest of tfhash: {checks.brief(error)}"
        ) from error
    if version > FORMAT:
        raise ValueError(
            f"`{path}` has format {version}; this version of tfhash reads up to {FORMAT}. "
            "Update tfhash."
        )
    return {"format": version, "files": hashes}


def _read(path, name, *, most=None):
    admitted = _manifest(path)["files"].get(name, [])
    file = pathlib.Path(path) / name
    if not file.exists():
        raise ValueError(f"`{path}` is not a complete model directory: {name} is missing.")
    data = files.read(file, "a file of a model", most=most)
    if hashlib.sha256(data).hexdigest() not in admitted:
        raise ValueError(
            f"`{file}` is not the file that was saved: its SHA-256 differs from {MANIFEST}. "
            "Copy the directory again."
        )
    return data
