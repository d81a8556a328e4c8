"""Help, and what is wrong with a command line, come before TensorFlow is imported."""

import os
import pathlib
import subprocess
import sys

import pytest

from tfhash import methods

ROOT = pathlib.Path(__file__).parents[2]
HEAVY = ("tensorflow", "keras", "sklearn", "matplotlib", "cv2")
# Runs a command, and writes which modules of HEAVY it has imported.
PROGRAM = f"""
import runpy, sys
script, *sys.argv[1:] = sys.argv[1:]
sys.argv[0] = script
try:
    runpy.run_path(script, run_name="__main__")
finally:
    print("imported:", *(name for name in {HEAVY} if name in sys.modules))
"""
GPQ, DCH = "--method=gpq", "--method=dch"


def answer(folder, script, *arguments):
    """Exit status, output and errors of a command in a process of its own."""
    environment = {name: v for name, v in os.environ.items() if not name.startswith("TF_")}
    environment |= {"PYTHONPATH": str(ROOT), "TFDS_DATA_DIR": str(folder)}
    line = [sys.executable, "-c", PROGRAM, str(ROOT / script), *arguments]
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("script", ["run_train.py", "run_test.py"])
@pytest.mark.parametrize("method", [None, *methods.names()])
def test_help_does_not_import_tensorflow(tmp_path, script, method):
    """A method takes keras and tf from tfhash.lazy, so that its settings need neither."""
    chosen = [f"--method={method}"] if method else []
    status, shown, errors = answer(tmp_path, script, *chosen, "--help")
    assert (status, errors) == (0, "")
    assert "--dataset" in shown and shown.endswith("imported:\n")


@pytest.mark.parametrize(
    "script, arguments, words",
    [
        ("run_train.py", [], "--method"),
        ("run_test.py", [], "--model"),
        ("run_train.py", ["--method=nonsense"], "'nonsense'"),
        ("run_train.py", [GPQ, "--num_codebook=3"], "num_codebooks"),
        ("run_train.py", [GPQ, "--lr=3"], "learning_rate"),
        ("run_test.py", [GPQ, "--nonsense=3"], "nonsense"),
        ("run_train.py", [GPQ, "--epochs=x"], "epochs"),
        ("run_train.py", [GPQ, "--num_codebooks=0"], "num_codebooks"),
        ("run_train.py", [GPQ, "--img_model=vgg99"], "vgg99"),
        ("run_train.py", [DCH, "--precision=float8"], "float8"),
        ("run_train.py", [DCH, "--dataset=nonsense"], "'nonsense'"),
        ("run_test.py", [DCH, "--dataset=nonsense"], "'nonsense'"),
        ("run_train.py", [DCH, "--gpus=first"], "first"),
        ("run_test.py", [DCH, "--snapshot=last"], "last"),
    ],
)
def test_a_mistake_is_named_before_tensorflow_is_imported(tmp_path, script, arguments, words):
    status, shown, errors = answer(tmp_path, script, *arguments)
    assert status == 2 and words in errors and errors.startswith("error: "), errors
    assert shown.endswith("imported:\n")
