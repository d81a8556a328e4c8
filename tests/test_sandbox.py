"""The functions that are tried are of this file: the child imports it by its name."""

import ctypes
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from tfhash import sandbox

HOME = os.path.dirname(__file__)


def reads(path):
    with open(path) as file:
        return file.read()


def raises(path):
    raise KeyError(f"two\nlines of {path}")


def dies(path):
    ctypes.string_at(0)


def hoards(path):
    np.ones(2**29, np.uint8)


def loops(path):
    while time.process_time() < 1000:
        pass


def nests(path, depth=0):
    return depth if depth > 10**6 else nests(path, depth + 1)


def leads(path):
    if os.getpgrp() != os.getpid():
        raise ValueError("Ctrl-C would end it")


@pytest.fixture
def attempt(tmp_path, monkeypatch):
    """Tries a function of this file on a small one, with 256 MiB."""
    monkeypatch.syspath_prepend(HOME)
    (tmp_path / "a").write_text("content")

    def of(function):
        function.__module__ = "test_sandbox"
        return sandbox.failure(function, tmp_path / "a", memory=256 * sandbox.MIB, size=0)

    return of


def test_what_comes_to_its_end_does_not_fail(attempt):
    assert attempt(reads) is None


def test_an_error_is_given_in_one_line(attempt, tmp_path):
    assert attempt(raises) == f"'two\\nlines of {tmp_path}/a'"


def test_a_signal_from_the_terminal_does_not_reach_it(attempt):
    """Else a file would count as damaged whose reading the user has interrupted."""
    assert attempt(leads) is None


def test_a_crash_is_not_that_of_this_process(attempt):
    assert "ends the process by SIGSEGV" in attempt(dies)


def test_memory_is_bounded(attempt):
    assert attempt(hoards) == "reading it takes more than 256 MiB"


def test_time_is_bounded(attempt, monkeypatch):
    monkeypatch.setattr(sandbox, "SECONDS", 1)
    assert attempt(loops) == "reading it takes more than 1 s"


def test_what_is_nested_too_deep_fails(attempt):
    assert "recursion" in attempt(nests)


def test_the_child_starts_without_tensorflow():
    """Or each try would take ten seconds."""
    code = (
        "import sys; from tfhash import checkpoints, matlab, retrieval, sandbox; "
        "from tfhash.retrieval import index; sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": ROOT})


ROOT = os.path.dirname(HOME)
