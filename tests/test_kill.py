"""Trainings that are ended at any moment end as unbroken ones: benchmarks/kill.py, in short."""

import subprocess
import sys

from tests import golden

KINDS = (
    "kill, between weights and state",
    "kill, half a line of history",
    "int, begin of an epoch",
)


def test_a_training_that_is_ended_three_times_ends_as_an_unbroken_one():
    script = golden.REPOSITORY / "benchmarks" / "kill.py"
    options = ["--methods=dtq", f"--kinds={';'.join(KINDS)}"]
    done = subprocess.run([sys.executable, script, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("3 of 3 identical\n"), done.stdout
