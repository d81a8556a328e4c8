"""docs/from_the_originals.md: its lines run, and it has every line of the originals.

tests/originals_lines.csv has the lines of the originals as they stand there, a row each:

    original        heading of the page
    file, line      where it stands in the original's repository
    text            the line, or the name of a script that is run without more
    values          of the shell's variables in it, as the script sets them
"""

import csv
import functools
import os
import re
import shlex
import string
import subprocess

import pytest
from absl.testing import flagsaver

import run_test
import run_train
from benchmarks import matching
from tests import golden
from tests.commands import quick_report
from tests.originals import trees
from tfhash import config as fields
from tfhash import methods
from tfhash.data import cifar100, imagenet32

PAGE = (golden.REPOSITORY / "docs/from_the_originals.md").read_text()
TREES = {
    "GPQ": trees.gpq,
    "DeepHash": trees.deephash,
    "Deep hash tables": trees.hash_tables,
    "Learning-bit-codes-for-images": trees.latent,
    "HashNet, PyTorch": trees.hashnet,
    "HashNet, Caffe": trees.caffe,
}
SCRIPTS = {"run_train.py": run_train, "run_test.py": run_test}
# What is added to a line, so that it is short: those of these settings that the method has. They
# stand behind the line, where they go before what it says, and so do those of `STATE` behind one
# that names a saved state. The published weights of a network do not fit the small one; latent
# hashing trains its convolutions, since it has no weights; there are fewer images than codewords.
SHORT = {
    "img_model": "tiny",
    "finetune_all": True,
    "batch_size": 8,
    "batch_classes": 4,
    "n_subcenter": 8,
    "epochs": 1,
    "iter_num": 2,
    "iterations_per_epoch": 2,
    "max_steps": 2,
}
ALONE = {"run_train.py": ["--pretrained=", "--steps_per_epoch=2"], "run_test.py": []}
STATE = "--snapshot=iter_00002"
# What the originals have in place of a path, or of flags that are the user's choice.
PLACEHOLDERS = {
    "/dir/to/dataset/root/": "../../data/cifar10/",
    ' --"other parameters descirbe in train_val_script.py"': "",
}


def sections():
    """`{heading: text}` of the page."""
    parts = [section.partition("\n") for section in PAGE.split("\n## ")[1:]]
    return {heading: text for heading, _, text in parts}


def blocks():
    """(heading, lines) of the page's blocks of code."""
    return [
        (heading, block.splitlines())
        for heading, text in sections().items()
        for block in re.findall("```sh\n(.*?)```", text, re.DOTALL)
    ]


def entries():
    """The lines of the originals on the page: heading, place, line, whether only the script's name
    changes, and our lines."""
    for heading, lines in blocks():
        comments = [number for number, line in enumerate(lines) if line.startswith("#   ")]
        for start, stop in zip(comments, [*(number - 1 for number in comments[1:]), len(lines)]):
            place, line = lines[start - 1].removeprefix("# "), lines[start].removeprefix("#   ")
            ours = [each for each in lines[start + 1 : stop] if each]
            yield heading, re.split("[ ,]", place)[0], line, place.endswith(" ="), ours


def recorded():
    """The rows of the table, with the shell's variables in their lines filled in."""
    with open(golden.REPOSITORY / "tests/originals_lines.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        values = dict(part.split("=") for part in row["values"].split())
        line = " ".join(string.Template(row["text"]).safe_substitute(values).split())
        yield row["original"], f"{row['file']}:{row['line']}", line


def named(block):
    heading, lines = block
    return f"{heading}-{lines[0]}"


# ---- the lines of the originals


def test_every_line_of_the_originals_is_on_the_page():
    """In a block, or said to have no counterpart."""
    for heading, place, line in recorded():
        on_page = [other for h, p, other, *_ in entries() if (h, p) == (heading, place)]
        script = re.search(r"\w+\.py|$", line)[0]
        without = f"({place})" in sections()[heading] and script in sections()[heading]
        assert any(line in other for other in on_page) or without, (heading, place, line)


def test_every_line_on_the_page_is_of_an_original():
    known = list(recorded())
    for heading, place, line, _, _ in entries():
        texts = [text for h, p, text in known if (h, p) == (heading, place)]
        assert any(text in line for text in texts), (heading, place, line)


@pytest.mark.parametrize("entry", list(entries()), ids=lambda entry: f"{entry[0]}-{entry[1]}")
def test_only_the_name_of_the_script_changes_where_the_page_says_so(entry):
    _, _, theirs, only_name, ours = entry
    for placeholder, text in PLACEHOLDERS.items():
        theirs = theirs.replace(placeholder, text)
    theirs = re.sub(r"(python )?\S+\.py", "SCRIPT", theirs)
    ours = [re.sub(r"python run_\w+\.py --method=\w+", "SCRIPT", line) for line in ours]
    assert ours and all(line == theirs for line in ours) == only_name


# ---- our lines


@pytest.fixture(scope="module")
def tree_of(tmp_path_factory):
    """The folder with an original's data, by the heading of the page."""

    @functools.cache
    def made(heading):
        root = tmp_path_factory.mktemp("original")
        TREES[heading](root)
        return root

    return made


def short(script, given):
    """What is added to a line."""
    method = next(word for word in given if word.startswith("--method=")).partition("=")[2]
    known = fields.names(methods.load(method).Config)
    more = [f"--{name}={value}" for name, value in SHORT.items() if name in known]
    if any(word.endswith(".ckpt") for word in given):
        return []  # its network is in the file
    return more + ALONE[script] + ([STATE] if "--snapshot" in given else [])


def run_line(line, run, more=short):
    """Runs a line of the page as a shell would; what it shows."""
    words = shlex.split(os.path.expandvars(line))
    script, *given = words[words.index("python") + 1 :]
    if script == "benchmarks/matching.py":
        return run_benchmark(given)
    status, shown, errors = run(SCRIPTS[script], *given, *more(script, given))
    assert status == 0, f"{line}\n{errors}"
    assert ("Trained " if script == "run_train.py" else "wrote ") in shown
    assert "dataset: digits" not in shown
    return shown


def run_benchmark(given):
    with flagsaver.flagsaver():
        matching.FLAGS(["matching.py", *given])
        matching.main([])
    return ""


def run_block(block, root, run, monkeypatch, **options):
    """Runs the lines of a block in an original's folder, as a shell would; what they show."""
    quick_report(monkeypatch)
    monkeypatch.setattr(matching, "SIZES", (4,))
    for dataset in (cifar100, imagenet32):
        monkeypatch.setattr(dataset, "CLASSES", trees.CLASSES)
    monkeypatch.setenv("HOME", str(root))
    shown = ""
    for line in ["cd .", *block[1]]:
        if line.startswith("cd "):
            monkeypatch.chdir(root / line.removeprefix("cd "))
            monkeypatch.setenv("PWD", os.getcwd())
        elif line.startswith("cat "):
            subprocess.run(line, shell=True, check=True)
        elif line and not line.startswith("#"):
            shown += run_line(line, run, **options)
    return shown


@pytest.mark.parametrize("block", blocks(), ids=named)
def test_the_lines_of_a_block_run(block, run, tree_of, monkeypatch):
    run_block(block, tree_of(block[0]), run, monkeypatch)


def on_the_network(script, given):
    """What is added to a line that trains the original's network."""
    kept = [flag for flag in short(script, given) if not flag.startswith(("--img_model", "--fine"))]
    return [flag for flag in kept if flag != "--pretrained="] + ["--batch_size=4"]


@pytest.mark.skipif(not golden.LONG, reason="takes a minute; set TFHASH_LONG_TESTS=1")
@pytest.mark.parametrize(
    "heading, method, weights",
    [
        ("GPQ", "gpq", trees.gpq_weights),
        ("DeepHash", "dch", trees.deephash_weights),
        ("Learning-bit-codes-for-images", "latent", trees.latent_weights),
        ("HashNet, PyTorch", "hashnet", trees.hashnet_weights),
    ],
)
def test_the_originals_network_begins_with_the_weights_where_the_original_has_them(
    heading, method, weights, run, tmp_path, monkeypatch
):
    root = tmp_path / "original"
    TREES[heading](root)
    weights(root)
    block = next(b for b in blocks() if b[0] == heading and f"--method={method}" in "".join(b[1]))
    shown = run_block(block, root, run, monkeypatch, more=on_the_network)
    assert "since it lies where the original has it" in shown
