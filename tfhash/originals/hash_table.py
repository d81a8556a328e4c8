"""Files of the learned hash tables: the CSV files of a test.

Original: maestrojeong/Deep-Hash-Table-ICML18, cifar_exps and imagenet_exps, utils/csv_op.py.
"""

import pathlib

from tfhash.evaluation import table_scoring

METHODS = ("hash_table",)
DATASETS = {"cifar": "cifar100", "imgnet32": "imagenet32"}


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
