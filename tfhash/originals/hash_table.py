"""Files of the learned hash tables: the CSV files of a test, TF1 checkpoints of both stages.

Original: maestrojeong/Deep-Hash-Table-ICML18, cifar_exps and imagenet_exps, their train_metric.py,
test_metric.py and train_hash.py; utils/csv_op.py; configs/info.py; tfops/nets.py.
"""

import dataclasses
import pathlib
import re

import numpy as np

from tfhash import checks, originals
from tfhash.data import splits
from tfhash.evaluation import table_scoring
from tfhash.originals.readers import tf1

METHODS = ("hash_table",)
DATASETS = {"cifar": "cifar100", "imgnet32": "imagenet32"}
BACKBONES = {"nin": "conv1"}  # as the original calls them
BASELINES = {"imagenet32": (1, 2, 3)}  # buckets of an item in its tables without training
TRAINED_ON = "cifar100"
NETWORK, EMBEDDING, BUCKETS = "NIN", "Embed/fc1", "Hash/fc1"  # scopes of variables
LEAVES = {"kernel": "weights", "bias": "biases"}  # in a scope
METRIC, MEAN = "metric/", "pixel_mean"  # of our variables, that the network does not train


def report(result, folder):
    """Writes the CSV files of the original's test scripts."""
    short, name = file_names(result.config, result.splits.dataset)
    is_hash = result.config.is_hash
    lines = _hash_lines(result, name) if is_hash else _metric_lines(result, name, short)
    return [
        table_scoring.write_csv(pathlib.Path(folder) / f"{name}.csv", rows)
        for name, rows in lines.items()
    ]


def _hash_lines(result, name):
    """`{name: lines}`; without a search in the database, as on ImageNet, a name has no ending."""
    entries = result.head.entries(result.query, result.database)
    train = {e: v for e, v in entries.items() if e.startswith(("train", "te_tr"))}
    test = {e: v for e, v in entries.items() if e not in train}
    return {f"{name}_train": [train], f"{name}_test": [test]} if train else {name: [test]}


def _metric_lines(result, name, short):
    """`{name: lines}`, of the embedding and of tables without training."""
    head = result.head
    parts = head.part(result.query), head.part(result.database) if head.test_train else None
    active = BASELINES.get(result.splits.dataset, table_scoring.BASELINES)
    tables = table_scoring.baselines(*parts, active)
    lines = {name: [head.entries(result.query, result.database)]}
    return lines | {f"{short}_{k}": rows for k, rows in tables.items()}


def file_names(config, dataset):
    """The names that the original's scripts give to results: of a setting's best, and of a run."""
    c, own = config, {ours: name for name, ours in DATASETS.items()}
    place = re.sub(r"[^\w.-]+", "_", own.get(dataset, dataset))
    network = BACKBONES.get(c.img_model, c.img_model)
    short = (place, network, c.current_loss, c.width)
    batch = (c.batch_size, c.classes_drawn)
    pairs = c.current_loss == "npair"
    if c.is_hash:
        weight = float(c.hash_length_weight if pairs else c.hash_margin)
        table = (c.hash_loss, c.hash_distance, c.buckets, c.active, weight, float(c.pair_cost))
        name = (*short, *batch, *table, c.hash_decay, c.hash_decay_rates)
    else:
        weight = float(c.length_weight if pairs else c.margin)
        name = (place, *batch, network, c.loss, weight, c.width, c.decay, c.decay_rates)
    return ["_".join(map(str, parts)) for parts in (short, name)]


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
