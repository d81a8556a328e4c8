"""Files of the learned hash tables: the CSV files of a test, under the original's names.

Original: maestrojeong/Deep-Hash-Table-ICML18, cifar_exps and imagenet_exps, their train_metric.py,
test_metric.py and train_hash.py; utils/csv_op.py; configs/info.py.
"""

import pathlib
import re

from tfhash.evaluation import table_scoring

METHODS = ("hash_table",)
DATASETS = {"cifar": "cifar100", "imgnet32": "imagenet32"}
BACKBONES = {"nin": "conv1"}  # as the original calls them
BASELINES = {"imagenet32": (1, 2, 3)}  # buckets of an item in its tables without training


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
