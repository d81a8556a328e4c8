"""The two commands for every method there is; none is named but where an issue names it."""

import json
import pathlib

import pytest

import run_test
import run_train
from tests.commands import quick_report, refused, small
from tfhash import methods


@pytest.mark.parametrize("method", methods.names())
def test_both_commands_run_for_every_method_and_write_a_report(run, method, monkeypatch):
    quick_report(monkeypatch)
    status, shown, errors = run(run_train, *small(method), "--model=m")
    assert status == 0 and "Trained 2 steps" in shown, errors
    status, shown, errors = run(run_test, "--model=m", "--save_codes")
    assert status == 0, errors
    written = [line.removeprefix("wrote ") for line in shown.splitlines() if "wrote " in line]
    files = {pathlib.Path(path).relative_to("m/report") for path in written}
    assert files == {path.relative_to("m/report") for path in pathlib.Path("m/report").iterdir()}
    assert {"metrics.json", "ranked_lists.png", "embedding.png"} < set(map(str, files))
    assert all((pathlib.Path("m/report") / file).stat().st_size > 20 for file in files)
    metrics = json.loads(pathlib.Path("m/report/metrics.json").read_text())
    assert metrics["database"] == 1697 and all(name in shown for name in metrics)
    assert 0 < metrics["mAP"] <= 1
    precisions = [value for name, value in metrics.items() if name.startswith("mAP")]
    assert precisions and all(0 < value <= 1 for value in precisions if not isinstance(value, str))


@pytest.mark.parametrize(
    "backbone, flags",
    [
        ("alexnet", ("--method=gpq",)),
        ("VGG16", ("--method=dch",)),
        ("VGG16", ("--method=latent", "--finetune_all")),
    ],
)
def test_images_that_a_backbone_cannot_take_are_refused_twice_alike(run, tmp_path, backbone, flags):
    """The first try leaves nothing behind that the second would stumble over."""
    command = (run_train, *flags, f"--img_model={backbone}", "--dataset=digits")
    first = run(*command)
    refused(first, backbone, "--image_size")
    assert list(tmp_path.iterdir()) == []
    assert run(*command) == first
