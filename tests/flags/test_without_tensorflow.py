"""Help, and what is wrong with a command line, come before TensorFlow is imported."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from tfhash import methods

ROOT = pathlib.Path(__file__).parents[2]
# Runs commands one after the other; of each its status, output, errors and what it imported.
PROGRAM = """
import contextlib, io, json, runpy, sys
heavy, answers = ("tensorflow", "keras", "sklearn", "matplotlib", "cv2"), []
for line in json.load(sys.stdin):
    sys.argv, status, before = line, 0, set(sys.modules)
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            try:
                runpy.run_path(line[0], run_name="__main__")
            except SystemExit as stop:
                status = stop.code
    imported = [name for name in heavy if name in set(sys.modules) - before]
    answers.append([status, shown.getvalue(), errors.getvalue(), imported])
print(json.dumps(answers))
"""
HELP = [
    (script, *chosen, "--help")
    for script in ("run_train.py", "run_test.py", "run_search.py")
    for chosen in ((), *([f"--method={name}"] for name in methods.names()))
] + [("run_compare.py", "--help"), ("run_embed.py", "--help")]
MISTAKES = [
    ("--method", ["run_train.py"]),
    ("--model", ["run_test.py"]),
    ("'nonsense'", ["run_train.py", "--method=nonsense"]),
    ("num_codebooks", ["run_train.py", "--method=gpq", "--num_codebook=3"]),
    ("learning_rate", ["run_train.py", "--method=gpq", "--lr=3"]),
    ("nonsense", ["run_test.py", "--method=gpq", "--nonsense=3"]),
    ("epochs", ["run_train.py", "--method=gpq", "--epochs=x"]),
    ("num_codebooks", ["run_train.py", "--method=gpq", "--num_codebooks=0"]),
    ("vgg99", ["run_train.py", "--method=gpq", "--img_model=vgg99"]),
    ("float8", ["run_train.py", "--method=dch", "--precision=float8"]),
    ("'nonsense'", ["run_train.py", "--method=dch", "--dataset=nonsense"]),
    ("'nonsense'", ["run_test.py", "--model=models/x", "--dataset=nonsense"]),
    ("first", ["run_train.py", "--method=dch", "--gpus=first"]),
    ("last", ["run_test.py", "--method=dch", "--snapshot=last"]),
    ("vgg99", ["run_embed.py", "--img_model=vgg99", "--images=digits"]),
    ("keras_hub:none", ["run_train.py", "--method=gpq", "--img_model=keras_hub:none"]),
    ("--img_model", ["run_embed.py", "--images=digits"]),
    ("nowhere", ["run_embed.py", "--model=nowhere", "--images=digits"]),
    ("float8", ["run_embed.py", "--img_model=tiny", "--images=digits", "--dtype=float8"]),
    ("--query", ["run_search.py"]),
    ("new.jpg", ["run_search.py", "--model=models/x", "--query=new.jpg"]),
    ("models/x", ["run_search.py", "--model=models/x", "--images=photos"]),
    ("`top` >= 1", ["run_search.py", "--model=models/x", "--query=new.jpg", "--top=0"]),
    ("nowhere", ["run_test.py", "--model=nowhere"]),
    ("models/dch_64bits", ["run_test.py", "--method=dch", "--dataset=coco"]),
    ("models/48bits", ["run_train.py", "--method=gpq", "--resume"]),
    ("--methods", ["run_compare.py"]),
    ("'nonsense'", ["run_compare.py", "--methods=dch,nonsense"]),
    ("--method", ["run_compare.py", "--method=dch"]),
    ("gpq at 13 bits", ["run_compare.py", "--methods=dch,gpq", "--bits=16,13"]),
    ("--set=METHOD.num_codebooks", ["run_compare.py", "--methods=gpq", "--num_codebooks=3"]),
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """`{command line: (status, output, errors, imported)}` of all, from one process of its own."""
    folder = tmp_path_factory.mktemp("empty")
    environment = {name: v for name, v in os.environ.items() if not name.startswith("TF_")}
    environment |= {"PYTHONPATH": str(ROOT), "TFDS_DATA_DIR": str(folder)}
    lines = [list(line) for line in (*HELP, *(line for _, line in MISTAKES))]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps([[str(ROOT / script), *arguments] for script, *arguments in lines]),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(map(" ".join, lines), json.loads(done.stdout)))


@pytest.mark.parametrize("line", [" ".join(line) for line in HELP])
def test_help_does_not_import_tensorflow(line, answers):
    """A method takes keras and tf from tfhash.lazy, so that its settings need neither."""
    status, shown, errors, imported = answers[line]
    assert (status, errors, imported) == (0, "", [])
    assert "  --dataset" in shown


@pytest.mark.parametrize("word, line", MISTAKES, ids=lambda text: " ".join(text))
def test_a_mistake_is_named_before_tensorflow_is_imported(word, line, answers):
    status, _, errors, imported = answers[" ".join(line)]
    assert (status, imported) == (2, [])
    assert errors.startswith("error: ") and word in errors
