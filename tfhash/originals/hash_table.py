"""Files of the learned hash tables: the CSV files of a test, TF1 checkpoints of both stages.

Original: maestrojeong/Deep-Hash-Table-ICML18, cifar_exps and imagenet_exps, utils/csv_op.py,
tfops/nets.py.
"""

import dataclasses
import pathlib

import numpy as np

from tfhash import checks, originals
from tfhash.data import splits
from tfhash.evaluation import table_scoring
from tfhash.originals.readers import tf1

METHODS = ("hash_table",)
DATASETS = {"cifar": "cifar100", "imgnet32": "imagenet32"}
TRAINED_ON = "cifar100"
NETWORK, EMBEDDING, BUCKETS = "NIN", "Embed/fc1", "Hash/fc1"  # scopes of variables
LEAVES = {"kernel": "weights", "bias": "biases"}  # in a scope
METRIC, MEAN = "metric/", "pixel_mean"  # of our variables, that the network does not train


def report(result, folder):
    """Writes the CSV files of the original's test scripts."""
    head = result.head
    entries = head.entries(result.query, result.database)
    if result.config.is_hash:
        train = {e: v for e, v in entries.items() if e.startswith(("train", "te_tr"))}
        test = {e: v for e, v in entries.items() if e not in train}
        lines = {"_test": [test]} | ({"_train": [train]} if train else {})
    else:
        parts = head.part(result.query), head.part(result.database) if head.test_train else None
        tables = table_scoring.baselines(*parts)
        lines = {"": [entries]} | {f"_tables_{k}": rows for k, rows in tables.items()}
    name = result.config.file_name
    return [
        table_scoring.write_csv(pathlib.Path(folder) / f"{name}{ending}.csv", rows)
        for ending, rows in lines.items()
    ]


def read(model, path):
    """Fills a model from a checkpoint of the original, or its backbone from published weights.

    The network of the embedding is not in a checkpoint of the hash stage, which goes on to train
    it: that comes from the model of the metric stage. The mean of the training images is in none.

    Raises:
        ValueError: the checkpoint does not fit, or began with another embedding.
    """
    prefix = tf1.prefix_of(path)
    if prefix is None:
        return originals.read_backbone(model, path)
    variables, stored = originals.variables(model), tf1.read(prefix)
    own = [name for name in variables if name != MEAN and not name.startswith(METRIC)]
    wanted = {_original_name(model, name): variables[name] for name in own}
    checks.complete(wanted, stored, prefix, "a checkpoint of the original's conv1")
    if model.config.is_hash:
        _check_embedding(model, stored, prefix)
    arrays = {name: stored[name] for name in wanted}
    checks.assign(wanted, arrays, prefix)
    variables[MEAN].assign(np.full(variables[MEAN].shape, np.nan))
    others = {name for name in set(stored) - set(wanted) if not name.startswith(EMBEDDING)}
    return originals.summary(prefix, arrays, unexpected=tf1.of_model(others))


def _check_embedding(model, stored, prefix):
    """Raises ValueError where a hash checkpoint's embedding is not that of the metric stage."""
    for ours, theirs in LEAVES.items():
        known = model.weights[f"{METRIC}{model.backbone.linear}/{ours}"]
        if not np.array_equal(known.numpy(), stored.get(f"{EMBEDDING}/{theirs}")):
            raise ValueError(
                f"`{prefix}` was trained from another embedding than that of `start_from`. "
                "Expected the model of the metric stage that it began with."
            )


def _original_name(model, name):
    """The TF1 name of a variable of the network, such as conv2d_3/kernel."""
    layer, _, leaf = name.partition("/")
    last = BUCKETS if model.config.is_hash else EMBEDDING
    scope = last if model.backbone.is_linear(name) else f"{NETWORK}/{layer}"
    return f"{scope}/{LEAVES.get(leaf, leaf)}"


def finish(model, train):
    """Takes the mean of the training images, for a model that `read` has left without."""
    mean = model.weights[MEAN]
    if np.isnan(mean.numpy()).any():
        mean.assign(splits.pixel_mean(train))


def recognizes(method, shapes):
    """Whether a file is a checkpoint of either stage."""
    return {f"{NETWORK}/conv2d_8/biases", f"{EMBEDDING}/biases"} <= set(shapes)


def config_of(config, shapes):
    """`config` with the stage and the width of a checkpoint, and its classifier's classes.

    Raises:
        ValueError: another stage or width than asked for.
    """
    found = {"stage": "metric", "embedding_dim": int(shapes[f"{EMBEDDING}/biases"][0])}
    if f"{BUCKETS}/biases" in shapes:
        found = {"stage": "hash", "buckets": int(shapes[f"{BUCKETS}/biases"][0])}
    default = type(config)()
    for name, value in found.items():
        asked = getattr(config, name)
        if asked not in (getattr(default, name), value):
            raise ValueError(f"The checkpoint is of {name}={value}. Received: {name}={asked}.")
    classes = int(shapes[f"{NETWORK}/conv2d_8/biases"][0])
    return dataclasses.replace(config, **found), classes
