"""The package: a wheel of the library alone, which works in an environment of its own."""

import pathlib
import subprocess
import sys
import sysconfig
import venv
import zipfile

import pytest

import tfhash
from tests import golden

ROOT = pathlib.Path(__file__).parents[1]
EXAMPLE = """
import numpy as np, tfhash
small = {"img_model": "tiny", "epochs": 1, "steps_per_epoch": 2, "progress": False}
model = tfhash.train("gpq", dataset="digits", num_codebooks=12, **small)
images = np.zeros((3, 20, 30, 3), np.uint8)
index = tfhash.Index(tfhash.load("models/48bits").encode(images), names=["a", "b", "c"])
print(tfhash.__file__)
print(index.names_of(index.search(model.queries(images), 2).positions).shape)
print(0 < tfhash.evaluate(model)["mAP"] <= 1)
"""


def run(*command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy of what it is made of, so that nothing is left beside it."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    run("cp", "-r", *(ROOT / name for name in ("pyproject.toml", "README.md", "tfhash")), source)
    run("cp", *ROOT.glob("requirements*.txt"), source)
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, source)
    run(*pip)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_library_alone(wheel):
    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
    top = {name.split("/")[0] for name in names}
    assert top == {"tfhash", f"tfhash-{tfhash.__version__}.dist-info"}
    sources = {str(p.relative_to(ROOT)) for p in ROOT.glob("tfhash/**/*.py")}
    assert sources | {"tfhash/search/page.html"} <= set(names)


def test_the_wheel_asks_for_what_requirements_txt_asks_for(wheel):
    with zipfile.ZipFile(wheel) as content:
        name = next(n for n in content.namelist() if n.endswith("METADATA"))
        metadata = content.read(name).decode().splitlines()
    asked = {
        line.split(": ")[1].split(";")[0].strip().split("<")[0].split(">")[0]
        for line in metadata
        if line.startswith("Requires-Dist") and "extra" not in line
    }
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    wanted = {line.split(">")[0] for line in lines if line and not line.startswith("#")}
    assert asked == wanted


def test_the_example_runs_where_the_wheel_is_installed(wheel, tmp_path):
    """In CI with all that it asks for installed anew, else beside what is installed here."""
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    alone = () if golden.LONG else ("--no-deps",)
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *alone, wheel)
    if alone:
        site = next((tmp_path / "env").glob("lib/python*/site-packages"))
        (site / "here.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    shown = run(python, "-c", EXAMPLE, cwd=tmp_path).splitlines()
    assert shown[-3].startswith(str(tmp_path / "env"))
    assert shown[-2:] == ["(3, 2)", "True"]
