"""Commands whose output nobody reads any more, as behind `| head -1`."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
COMMAND = (
    "import logging, sys; from flags import common; sys.stdin.read(); "
    "common.main({}, common.TEST, 'usage')"
)
SHOWING = {
    "print": "lambda line: print('x')",
    "log": "lambda line: logging.getLogger('tfhash').info('x')",
    "help": "None",
}


def unread(run, *arguments):
    """The exit status and the errors of a command that begins when its output is closed."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    command = [sys.executable, "-c", COMMAND.format(run), *arguments]
    environment = os.environ | {"PYTHONUNBUFFERED": ""}  # as a rule lines wait in a buffer
    with subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes) as running:
        running.stdout.close()
        running.stdin.close()
        errors = running.stderr.read()
    return running.returncode, errors


@pytest.mark.parametrize("way", SHOWING)
def test_a_command_whose_output_nobody_reads_ends_without_a_word(way):
    arguments = ["--help"] if way == "help" else ["--model=x"]
    assert unread(SHOWING[way], *arguments) == (128 + signal.SIGPIPE, "")


def test_an_error_is_shown_though_nobody_reads_the_output():
    fails = "lambda line: [print('x'), 1 / 0]"
    assert unread(fails, "--model=x") == (2, "error: division by zero\n")
