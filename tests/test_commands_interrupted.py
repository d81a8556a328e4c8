"""The two commands after an interruption, beside another process, and on what others wrote."""

import json
import os
import pathlib
import shutil

import cv2
import numpy as np
import pytest

import run_test
import run_train
from tests import examples
from tests.commands import QUICK, quick_report, refused
from tfhash import locks, model_dir

RESUMED = ("--method=gpq", "--model=m", "--resume", "--epochs=3")


def steps(path):
    """Of the lines of a history."""
    return [json.loads(line)["step"] for line in (path / "history.jsonl").read_text().splitlines()]


def tree(path):
    """`{name: content}` of the files in a folder."""
    found = {p.relative_to(path): p for p in sorted(path.rglob("*")) if p.is_file()}
    return {str(name): p.read_bytes() for name, p in found.items()}


# ---- interruptions


def test_a_damaged_newest_state_is_named_and_the_training_ends_as_an_unbroken_one(run, trained):
    shutil.copytree(trained, "unbroken")
    assert run(run_train, "--method=gpq", "--model=unbroken", *RESUMED[2:])[0] == 0
    data = trained / "checkpoints" / "ckpt-4.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:1000])
    status, shown, errors = run(run_train, *RESUMED)
    assert status == 0, errors
    assert "ckpt-4` is damaged" in shown and "of step 2, is used" in shown
    expected, _ = model_dir.load_weights("unbroken")
    for name, array in model_dir.load_weights("m")[0].items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)


def test_a_model_that_was_about_to_be_replaced_is_put_back_and_gone_on_with(run, trained):
    """A kill between the two renames of --overwrite."""
    trained.rename(".m.0123456789abcdef.old")
    status, _, errors = run(run_train, *RESUMED)
    assert status == 0, errors
    assert steps(trained) == [2, 4, 6]


def test_no_step_is_recorded_twice_after_a_kill(run, trained):
    """What was written after the state, and what was half written, is cut off."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for part in (trained / "checkpoints").glob("ckpt-4.*"):
        part.unlink()
    with (trained / "history.jsonl").open("a") as file:
        file.write('{"step": 6}\n{"ste')
    status, shown, errors = run(run_train, *RESUMED)
    assert status == 0 and "1 lines that are no records" in shown, errors
    assert steps(trained) == [2, 4, 6]
    events = EventAccumulator(str(trained / "tensorboard")).Reload()
    assert [event.step for event in events.Tensors("losses/loss")] == [1, 2, 3, 4, 5, 6]


def test_weights_without_any_state_are_no_training_to_go_on_with(run, trained):
    shutil.rmtree(trained / "checkpoints")
    refused(run(run_train, *RESUMED), "weights of step 4", "--overwrite")


def test_a_resumed_training_sweeps_what_killed_ones_have_left(run, trained):
    left = [trained / ".0123456789abcdef.weights.safetensors", trained / ".4711.config.json"]
    for path in left:
        path.write_text("half")
    assert run(run_train, *RESUMED)[0] == 0
    assert not [path for path in left if path.exists()]


# ---- one writer


@pytest.mark.parametrize("flags", [("--overwrite",), ("--resume",)])
def test_a_second_training_in_a_directory_is_refused(run, trained, flags):
    before = tree(trained)
    with locks.held("m"):
        refused(run(run_train, *QUICK, "--model=m", *flags), "m`", f"process {os.getpid()} on")
    assert tree(trained) == before


def test_a_second_test_into_a_folder_is_refused_and_one_into_another_runs(
    run, trained, monkeypatch
):
    quick_report(monkeypatch)
    with locks.held("m/report"):
        refused(run(run_test, "--model=m"), "m/report`", f"process {os.getpid()} on")
        assert run(run_test, "--model=m", "--report=other")[0] == 0
    assert sorted(os.listdir("m/tensorboard")) and "report" not in os.listdir("m")


def test_a_model_is_tested_while_it_is_trained(run, trained, monkeypatch):
    quick_report(monkeypatch)
    with locks.held("m"):
        assert run(run_test, "--model=m")[0] == 0


def test_a_model_is_not_saved_where_another_process_writes(tmp_path):
    with locks.held(tmp_path / "m"), pytest.raises(ValueError, match="m` is written by another"):
        examples.model("gpq").save(tmp_path / "m", overwrite=True)
    assert list(tmp_path.iterdir()) == []


# ---- what others wrote


@pytest.mark.parametrize("name", ["checkpoints", "tensorboard", "report"])
@pytest.mark.parametrize("script, flags", [(run_test, ()), (run_train, ("--resume",))])
def test_a_folder_that_is_a_link_is_refused_and_not_followed(run, trained, name, script, flags):
    elsewhere = trained.with_name("elsewhere")
    (trained / name).mkdir(exist_ok=True)
    (trained / name).rename(elsewhere)
    (trained / name).symlink_to("../elsewhere")
    before = tree(elsewhere)
    refused(run(script, "--method=gpq", "--model=m", *flags), f"m/{name}` is a link")
    assert tree(elsewhere) == before


def test_overwrite_names_the_way_out_of_a_report_without_a_list_of_its_files(
    run, trained, monkeypatch
):
    """Earlier versions wrote none."""
    quick_report(monkeypatch)
    (trained / "report").mkdir()
    (trained / "report" / "metrics.json").write_text("{}")
    flags = (*QUICK, "--dataset=digits", "--model=m", "--overwrite")
    refused(run(run_train, *flags), "report/metrics.json", "run_test.py with the same flags")
    assert run(run_test, "--model=m")[0] == 0
    assert run(run_train, *flags)[0] == 0
    assert not (trained / "report").exists()


@pytest.mark.parametrize("name", ["thesis.tex", "tensorboard/thesis.tex", "report/thesis.tex"])
def test_overwrite_names_what_tfhash_has_not_written_and_removes_nothing(run, trained, name):
    (trained / "report").mkdir()
    (trained / name).write_text("years of work")
    before = tree(trained)
    refused(run(run_train, *QUICK, "--dataset=digits", "--model=m", "--overwrite"), name)
    assert tree(trained) == before


def test_overwrite_replaces_a_model_with_its_report(run, trained, monkeypatch):
    quick_report(monkeypatch)
    assert run(run_test, "--model=m", "--save_codes")[0] == 0
    status, _, errors = run(run_train, *QUICK, "--dataset=digits", "--model=m", "--overwrite")
    assert status == 0, errors
    assert not (trained / "report").exists()


def test_a_folder_with_another_manifest_is_no_model(run, tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "manifest.json").write_text('{"name": "a web page", "icons": []}')
    flags = (*QUICK, "--dataset=digits", "--model=m", "--overwrite")
    refused(run(run_train, *flags), "m/manifest.json", "not a manifest of tfhash")
    assert os.listdir("m") == ["manifest.json"]


def test_a_link_as_model_directory_is_followed(run, trained):
    trained.rename("elsewhere")
    pathlib.Path("m").symlink_to("elsewhere")
    status, _, errors = run(run_train, *QUICK, "--dataset=digits", "--model=m", "--overwrite")
    assert status == 0, errors
    assert pathlib.Path("m").is_symlink() and steps(pathlib.Path("elsewhere")) == [2, 4]


@pytest.fixture
def photographed(run, tmp_path):
    """A model in `m` of the images in `photos`."""
    for number in range(40):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((16, 16, 3), number * 6, np.uint8))
    flags = ("--dataset=folder:photos", "--image_size=16", "--batch_size=2", "--model=m")
    status, _, errors = run(run_train, *QUICK[:-1], *flags)
    assert status == 0, errors


def test_a_model_that_was_trained_here_is_tested_on_its_data(run, photographed, monkeypatch):
    quick_report(monkeypatch)
    assert run(run_test, "--model=m")[0] == 0


@pytest.mark.parametrize("script, flags", [(run_test, ()), (run_train, ("--resume",))])
def test_a_model_from_elsewhere_reads_no_data_that_the_user_does_not_name(
    run, photographed, monkeypatch, tmp_path, script, flags
):
    quick_report(monkeypatch)
    shutil.copytree("m", "copied")
    command = (script, "--method=gpq", "--model=copied", *flags)
    photos = tmp_path / "photos"
    refused(run(*command), "copied`", f"folder:{photos}", "Give --dataset")
    assert not pathlib.Path("copied/report").exists()
    status, _, errors = run(*command, "--dataset=folder:photos")
    assert status == 0, errors


def test_a_moved_folder_of_images_is_named_when_a_copied_model_goes_on(run, photographed):
    shutil.copytree("m", "copied")
    pathlib.Path("photos").rename("pictures")
    flags = ("--method=gpq", "--model=copied", "--resume", "--epochs=3")
    status, shown, errors = run(run_train, *flags, "--dataset=folder:pictures")
    assert status == 0 and "Trained 6 steps" in shown, errors
    assert run(run_train, *flags)[0] == 0  # now it was trained here


# ---- a training that has lost its way


def test_a_model_whose_outputs_are_all_equal_is_tested_to_the_end(run, trained):
    """t-SNE of equal outputs would end the process."""
    arrays, step = model_dir.load_weights(trained)
    arrays["dense/kernel"] = np.zeros_like(arrays["dense/kernel"])
    model_dir.save_weights(trained, arrays, step=step)
    status, shown, errors = run(run_test, "--model=m")
    assert status == 0, errors
    assert "the outputs of all 1697 images are equal" in shown
    assert "embedding.png is not drawn: all outputs are equal" in shown
    written = set(os.listdir("m/report"))
    assert {"metrics.json", "curves.csv", "ranked_lists.png"} < written
    assert "embedding.png" not in written


def test_a_picture_that_fails_takes_nothing_with_it(run, trained, monkeypatch):
    def fails(*_, **__):
        raise ArithmeticError("no room for labels")

    quick_report(monkeypatch)
    monkeypatch.setattr("tfhash.evaluation.curves.picture", fails)
    status, shown, errors = run(run_test, "--model=m")
    assert status == 0 and "curves.png is not drawn: no room for labels" in shown, errors
    assert {"metrics.json", "curves.csv", "ranked_lists.png"} < set(os.listdir("m/report"))
