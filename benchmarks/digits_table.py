"""Baselines and learned codes at equal bytes, on the 64 values of scikit-learn's digits as vectors.

    python benchmarks/digits_table.py [--folder=models/digits_table] [--more=--seeds=1]

Two runs of run_compare.py: on all ten classes, and trained on seven of them. Each writes its
tables and figure below the folder and prints the table; a second start goes on where it stopped.
"""

import pathlib
import subprocess
import sys

import numpy as np
from absl import app
from absl import flags as absl_flags
from sklearn import datasets

ROOT = pathlib.Path(__file__).resolve().parents[1]
FLAGS = absl_flags.FLAGS
absl_flags.DEFINE_string("folder", "models/digits_table", "Where all is written.")
absl_flags.DEFINE_multi_string("more", [], "Further flags of run_compare.py.")

METHODS = (
    *("float", "lsh", "pca", "itq", "pca_rotation", "pq", "opq", "rq"),
    *("classifier", "csq", "gpq", "dch", "dhn", "latent"),
)
# Shorter trainings than by default: 1600 vectors of 64 numbers.
SETTINGS = {
    "classifier.epochs": 12,
    "csq.epochs": 10,
    "gpq.epochs": 12,
    "dch.iter_num": 200,
    "dhn.iter_num": 200,
    "latent.max_steps": 300,
}
RUNS = {
    "ten_classes": ["--bits=16,32,64"],
    "seven_seen_three_unseen": ["--bits=32", "--unseen_classes=3"],
}


def write_vectors(folder):
    """The digits as vectors.npy and labels.npy."""
    digits = datasets.load_digits()
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "vectors.npy", digits.data.astype(np.float16))
    np.save(folder / "labels.npy", digits.target)


def main(_):
    folder = pathlib.Path(FLAGS.folder)
    write_vectors(folder / "vectors")
    settings = ",".join(f"{name}={value}" for name, value in SETTINGS.items())
    for name, flags in RUNS.items():
        command = [sys.executable, str(ROOT / "run_compare.py")]
        command += [f"--dataset=embeddings:{folder / 'vectors'}", f"--methods={','.join(METHODS)}"]
        command += ["--seeds=3", f"--set={settings}", f"--out={folder / name}"]
        status = subprocess.run([*command, *flags, *FLAGS.more]).returncode
        if status:
            sys.exit(status)


if __name__ == "__main__":
    app.run(main)
