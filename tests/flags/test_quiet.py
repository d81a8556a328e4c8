"""What the commands keep other packages from writing to the terminal."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
SHOW = "import os, flags.quiet; print(os.environ.get('OPENCV_LOG_LEVEL'))"


@pytest.mark.parametrize(
    "argument, changes, level",
    [("", {}, "SILENT"), ("--debug", {}, "None"), ("", {"OPENCV_LOG_LEVEL": "INFO"}, "INFO")],
)
def test_opencv_is_silent_unless_asked(argument, changes, level):
    kept = {name: value for name, value in os.environ.items() if name != "OPENCV_LOG_LEVEL"}
    environment = kept | {"TF_CPP_MIN_LOG_LEVEL": "3"} | changes  # TensorFlow is not needed
    command = [sys.executable, "-c", SHOW, argument]
    shown = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
    assert shown.stdout.decode().strip() == level
