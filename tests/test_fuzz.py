"""Damaged and hostile files give a clean result or one line: benchmarks/fuzz.py, in short."""

import subprocess
import sys

import pytest

from benchmarks.fuzzing import readers
from tests import golden

COUNT = 50  # mutations of a valid file, for each reader


@pytest.mark.parametrize("by_tensorflow", [False, True])
def test_no_reader_breaks(by_tensorflow):
    known = readers.READERS.items()
    names = [name for name, one in known if ("tensorflow" in one.imports) == by_tensorflow]
    script = golden.REPOSITORY / "benchmarks" / "fuzz.py"
    options = [f"--count={COUNT}", f"--readers={','.join(names)}"]
    done = subprocess.run([sys.executable, script, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == len(names) + 1, done.stdout  # a row for each
