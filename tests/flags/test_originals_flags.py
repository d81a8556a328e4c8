"""Every flag and constant of the originals' scripts: it is accepted, and its default is the same.

tests/flags/originals.csv has them, a row each:

    method, dataset     ours
    given               settings that go with the script, as stage=hash
    file, line          where the original has it
    kind                flag; word: a value that is taken by its order; key: of params.json;
                        constant: has no name for the command line
    name, value         the original's, and its default; none: another row has it, or it needs one
    setting             ours, or several with an operator between them; none: it has no effect
    departs             where our default is another: words of README's Departures
"""

import csv
import dataclasses
import json
import os
import pathlib
import re

import pytest

from flags import aliases_of, common, ignored_of, module_of, order_of
from flags.latent import MORE_PARAMS, PARAMS
from tfhash import originals, settings
from tfhash.data import lists

HERE = pathlib.Path(__file__).parent
README = (HERE.parents[1] / "README.md").read_text()
DEPARTURES = re.sub(r"\s+", " ", README.split("## Departures")[1].split("\n## ")[0])
with open(HERE / "originals.csv", newline="") as file:
    ROWS = list(csv.DictReader(file))
SWITCHES = ("with_tanh", "evaluate")
# Where the originals have their data.
LISTS = [f"home/data/{name}" for name in ("cifar10", "nuswide_81", "coco", "cifar10_zero_shot")]
LISTS += [f"work/data/{name}" for name in ("cifar10", "nus_wide", "coco", "imagenet")]


def named(row):
    return f"{row['method']}-{row['file']}:{row['line']}-{row['name']}-{row['dataset']}"


def rows(*kinds):
    chosen = [row for row in ROWS if row["kind"] in kinds]
    return pytest.mark.parametrize("row", chosen, ids=named)


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory):
    """A home and a current folder as the originals have them, with empty lists."""
    root = tmp_path_factory.mktemp("originals")
    for folder in LISTS:
        (root / folder).mkdir(parents=True)
        for name in lists.NAMES:
            (root / folder / name).touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(root / "home"))
        patch.setenv("TFDS_DATA_DIR", str(root))
        patch.chdir(root / "work")
        params = {row["name"]: json.loads(row["value"]) for row in ROWS if row["kind"] == "key"}
        pathlib.Path("experiments").mkdir()
        pathlib.Path("experiments/params.json").write_text(json.dumps(params))
        yield


def defaults(row):
    """`{setting: value}` of a training and a test of the row's dataset, and the folder of its
    lists."""
    given = dict(part.split("=") for part in row["given"].split())
    settled = settings.settle(row["method"], {"dataset": row["dataset"]} | given)
    parts = (settings.Test(), settled.data, settled.run, settled.devices, settled.config)
    values = {name: value for part in parts for name, value in dataclasses.asdict(part).items()}
    values |= {"model": settled.model, "bits": settled.config.bits, "model_config": ""}
    values["folder"] = lists.folder(row["dataset"], os.path.expanduser(values["data_dir"])) or ""
    for part, name in lists.FILES.items():
        file = values[f"{part}_file"] or os.path.join(values["folder"], name or f"{part}.txt")
        values[f"{part}_file"] = file
    values["dataset"] = settings.Data.dataset
    values["R"] = originals.top(row["method"], row["dataset"]) or values["R"]
    return values


def equal(ours, theirs, names):
    """Whether a value of ours is what the original's text says; `names` of theirs are ours."""
    if isinstance(ours, str):
        whole = [os.path.abspath(os.path.expanduser(t)) for t in (ours, names.get(theirs, theirs))]
        return whole[0] == whole[1]
    return ours == (theirs == "True" if isinstance(ours, bool) else float(theirs))


@pytest.mark.parametrize("row", [r for r in ROWS if r["setting"] and r["value"]], ids=named)
def test_the_default_is_the_originals_or_a_listed_departure(row, laid_out):
    ours = eval(row["setting"], defaults(row))
    names = getattr(module_of(row["method"]), "NETWORKS", {})
    assert equal(ours, row["value"], names) == (not row["departs"]), (ours, row["value"])
    assert row["departs"] in DEPARTURES


def parsed(row):
    """The command line of a flag alone, with the original's default, of a command that has it."""
    flag = row["name"] if row["name"].startswith("-") else f"--{row['name']}"
    value = row["value"] or ("" if row["setting"] in SWITCHES else "1")
    line = ["run", f"--method={row['method']}", flag, *([value] if value else [])]
    try:
        return common.parse(line, common.TRAIN)
    except ValueError as error:  # it is one of the test alone
        assert "run_test.py" in str(error), error
        return common.parse(line, common.TEST)


@rows("flag")
def test_a_flag_of_an_original_sets_the_setting_or_has_no_effect(row, laid_out):
    line = parsed(row)
    if not row["setting"]:
        assert line.given == {} and len(line.notes) == 1
        return
    names = {"data_dir" if name == "folder" else name for name in row["setting"].split()}
    assert any(line.values[name].present for name in names if name in line.values)
    assert line.notes == []


@rows("word")
def test_a_value_by_its_order_means_the_setting(row):
    assert row["name"] in order_of(row["method"])
    meant = aliases_of(row["method"]).get(row["name"], row["name"])
    assert meant == row["setting"] or meant in ignored_of(row["method"])


@rows("key")
def test_a_key_of_params_json_means_the_setting(row):
    assert (PARAMS | MORE_PARAMS)[row["name"]] == (row["setting"] or None)
