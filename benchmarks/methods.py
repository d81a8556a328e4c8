"""Trains and tests each method on scikit-learn's digits by the two commands, and prints a table.

    python benchmarks/methods.py [--methods=gpq,dch] [--seeds=0,1,2] [--folder=models/digits]

A row is a method: CPU and wall seconds of the training with the start of the program, and what
`run_test.py` found, the mean and the range over the seeds. Only `models/digits` is written to.
"""

import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time
import typing

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from absl import app  # noqa: E402
from absl import flags as absl_flags  # noqa: E402

from tfhash import methods  # noqa: E402

FLAGS = absl_flags.FLAGS
absl_flags.DEFINE_list("methods", None, "Methods; default: all.")
absl_flags.DEFINE_list("seeds", ["0"], "Seeds of the trainings.")
absl_flags.DEFINE_string("folder", "models/digits", "Where the model directories are made.")
absl_flags.DEFINE_list("more", [], "Further flags of run_train.py.")

SHOWN = ("mAP", "precision@1", "NMI", "SUF")  # what the names of the metrics to show begin with


class Measured(typing.NamedTuple):
    """CPU and wall seconds of a training, and `{metric: value}` of its test."""

    cpu: float
    wall: float
    metrics: dict


def run(script, *arguments):
    """Runs a command; its CPU and wall seconds."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(ROOT / script), *arguments], capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{script} {' '.join(arguments)}: {done.stderr.strip()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.perf_counter() - started


def measure(method, seed):
    """Trains and tests a method."""
    path = pathlib.Path(FLAGS.folder) / f"{method}_{seed}"
    flags = (f"--method={method}", "--dataset=digits", f"--seed={seed}", f"--model={path}")
    cpu, wall = run("run_train.py", *flags, "--overwrite", *FLAGS.more)
    run("run_test.py", f"--model={path}")
    metrics = json.loads((path / "report/metrics.json").read_text())
    shown = {name: value for name, value in metrics.items() if name.startswith(SHOWN)}
    return Measured(cpu, wall, shown)


def spread(values):
    """`mean` of one value, `mean (least to most)` of several."""
    mean = f"{statistics.mean(values):.3f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.3f} to {max(values):.3f})"


def main(_):
    os.makedirs(FLAGS.folder, exist_ok=True)
    print("| `--method=` | training, CPU s | wall s | found |\n| --- | --- | --- | --- |")
    for method in FLAGS.methods or methods.names():
        rows = [measure(method, seed) for seed in FLAGS.seeds]
        cpu, wall = (statistics.mean(seconds) for seconds in zip(*(row[:2] for row in rows)))
        of_seeds = {name: [row.metrics[name] for row in rows] for name in rows[0].metrics}
        shown = ", ".join(f"{name} {spread(values)}" for name, values in of_seeds.items())
        print(f"| `{method}` | {cpu:.0f} | {wall:.0f} | {shown} |", flush=True)


if __name__ == "__main__":
    app.run(main)
