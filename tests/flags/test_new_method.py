"""A method that is one file, without a module in flags/, works in both commands."""

import json
import pathlib
import sys

import pytest

import run_test
import run_train
from flags import module_of
from tests.commands import quick_report, refused
from tfhash import methods

TENTH = pathlib.Path(__file__).parent / "more_methods" / "tenth.py"


@pytest.fixture
def tenth(monkeypatch):
    """The name of a method that lies in a folder of the tests."""
    monkeypatch.setattr(methods, "__path__", [*methods.__path__, str(TENTH.parent)])
    monkeypatch.delitem(sys.modules, "tfhash.methods.tenth", raising=False)
    yield "tenth"
    sys.modules.pop("tfhash.methods.tenth", None)


def test_it_has_no_module_of_flags(tenth):
    assert tenth in methods.names() and module_of(tenth) is None


def test_its_settings_are_flags_with_their_help(run, tenth):
    status, shown, errors = run(run_train, f"--method={tenth}", "--help")
    assert status == 0, errors
    assert "--length  [12]" in shown and "Length of a code in bits." in shown
    refused(run(run_train, f"--method={tenth}", "--lenth=3"), "length")


def test_both_commands_run(run, tenth, monkeypatch, tmp_path):
    quick_report(monkeypatch)
    flags = (f"--method={tenth}", "--dataset=digits", "--steps_per_epoch=2", "--length=8")
    status, shown, errors = run(run_train, *flags, "--epochs=1", "--batch_size=20")
    assert status == 0 and "Trained 2 steps" in shown, errors
    status, _, errors = run(run_test, *flags[:1], "--length=8")
    assert status == 0, errors
    metrics = json.loads((tmp_path / "models/tenth_8bits/report/metrics.json").read_text())
    assert metrics["bits"] == 8 and 0 < metrics["mAP"] <= 1
