"""Readers of model directories."""

import dataclasses
import hashlib
import json

import numpy as np

from benchmarks.fuzzing import damages, hostile, tables
from benchmarks.fuzzing.cases import Reader
from tfhash import checkpoints, checks, methods, model, model_dir
from tfhash.training import records, states

EVENTS, STATE = "tensorboard/events.out.tfevents.1", "checkpoints/ckpt-3"


def _model(folder):
    config = dataclasses.asdict(methods.load("gpq").Config())
    settings = {"method": "gpq", "config": config, "classes": ["a", "b"], "seed": 0}
    settings |= {"precision": "float32", "input": {"size": [16, 16], "pixels": None}}
    arrays = {"dense/kernel": np.ones((3, 4), np.float32)}
    model_dir.create(folder / "m", settings, arrays)


def _read_model(folder):
    stored = model_dir.load_settings(folder / "m")
    with checks.naming("m/config.json"):
        model._config(stored["method"], stored["config"], stored.get("data", {}))
    model_dir.load_weights(folder / "m")


def _hostile_model(folder):
    return hostile.json("m/manifest.json") | {
        f"{case} in config.json": contents
        for case, contents in hostile.json("m/config.json").items()
    }


def _states(folder):
    state = _checkpoints(folder)
    state.step.assign(3)
    state.save()


def _checkpoints(folder):
    import tensorflow as tf

    step = tf.Variable(0, dtype=tf.int64)
    return states.Checkpoints(folder, {"dense/kernel": tf.Variable(tf.ones([3, 4]))}, step)


def _read_states(folder):
    reason = checkpoints.failure(folder / STATE)  # before TensorFlow has threads: it forks
    if reason:
        raise ValueError(f"{STATE}: {reason}")
    _checkpoints(folder).restore()


def _history(folder):
    records.append(folder / "history.jsonl", {"epoch": 1, "step": 2, "loss": 0.5})
    records.append(folder / "history.jsonl", {"epoch": 2, "step": 4, "loss": 0.4})


def _events(folder):
    import tensorflow as tf

    writer = tf.summary.create_file_writer(str(folder / "tensorboard"))
    with writer.as_default():
        for step in range(4):
            tf.summary.scalar("loss", 0.5, step=step)
    writer.close()
    (path,) = (folder / "tensorboard").iterdir()
    path.rename(folder / EVENTS)


def _list_sums(folder):
    """Makes the sums in the manifest right, as those of a stranger's directory are."""
    names = ("config.json", "weights.safetensors")
    sums = {n: [hashlib.sha256((folder / "m" / n).read_bytes()).hexdigest()] for n in names}
    listing = {"format": model_dir.FORMAT, "files": sums}
    (folder / "m" / "manifest.json").write_text(json.dumps(listing))


READERS = {
    "model": Reader(
        _model,
        ("m/config.json", "m/manifest.json", "m/weights.safetensors"),
        _read_model,
        _hostile_model,
        damage=damages.of_json,
    ),
    "model_sealed": Reader(
        _model,
        ("m/config.json", "m/weights.safetensors"),
        _read_model,
        damage=damages.of_json,
        sealed=_list_sums,
    ),
    "history": Reader(
        _history,
        ("history.jsonl",),
        lambda folder: records.cut(folder, 3),
        lambda folder: hostile.json("history.jsonl"),
    ),
    "events": Reader(
        _events,
        (EVENTS,),
        lambda folder: records.cut(folder, 3),
        imports=("tensorflow",),
    ),
    "states": Reader(
        _states,
        (f"{STATE}.index", f"{STATE}.data-00000-of-00001"),
        _read_states,
        lambda folder: tables.hostile(f"{STATE}.index"),
        damage=damages.of_table,
        imports=("tensorflow",),
    ),
}
