"""Damaged and hostile files give a clean result or one line: benchmarks/fuzz.py, in short."""

import os
import subprocess
import sys

import pytest

from tests import golden

COUNT = 50  # mutations of a valid file, for each reader
PARTS = 2  # of the readers, for two processes of the tests


@pytest.mark.skipif(
    os.environ.get("TFHASH_LONG_TESTS") != "1", reason="takes minutes; set TFHASH_LONG_TESTS=1"
)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_reader_breaks(part):
    script = golden.REPOSITORY / "benchmarks" / "fuzz.py"
    options = [f"--count={COUNT}", f"--parts={PARTS}", f"--part={part}"]
    done = subprocess.run([sys.executable, script, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) > 5, done.stdout  # a row for each reader
