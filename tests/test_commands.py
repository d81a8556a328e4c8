"""The two commands: as a user types them, and with what users get wrong."""

import json
import os
import pathlib
import pickle
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest

import run_test
import run_train
from flags import common
from tests import golden
from tests.commands import QUICK, interrupt_in_step, refused
from tfhash import methods, model_dir, settings
from tfhash.data import cifar

ROOT = pathlib.Path(__file__).parents[1]


def process(folder, script, *arguments):
    """Runs a command as a process; its standard output."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "PYTHONPATH"))}
    result = subprocess.run(
        [sys.executable, str(ROOT / script), *arguments],
        cwd=folder,
        env=environment | {"TFDS_DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    return result.stdout


def test_the_two_commands_of_the_readme_work_in_an_empty_folder(tmp_path):
    short = ("--epochs=1", "--steps_per_epoch=2", "--batch_size=8", "--img_model=tiny")
    shown = process(tmp_path, "run_train.py", "--method=gpq", "--num_codebooks=12", *short)
    assert "dataset: digits" in shown and "--dataset=cifar10" in shown
    for term in ("pairs", "classification", "entropy", "loss"):
        assert term in shown
    shown = process(tmp_path, "run_test.py", "--model=models/48bits")
    assert "mAP" in shown
    report = tmp_path / "models" / "48bits" / "report"
    for name in ("metrics.json", "ranked_lists.png", "embedding.png"):
        assert str(report.relative_to(tmp_path) / name) in shown
        assert (report / name).stat().st_size > 20
    metrics = json.loads((report / "metrics.json").read_text())
    assert 0 < metrics["mAP"] <= 1 and metrics["database"] == 1697


def test_a_run_writes_what_a_person_would_look_at(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert run(run_train, *QUICK, "--model=m", "--save_every=1")[0] == 0
    events = EventAccumulator("m/tensorboard").Reload()
    tags = events.Tags()["tensors"] + events.Tags()["images"]
    for name in ("losses/loss", "losses/pairs", "losses/entropy", "losses/classification"):
        assert len(events.Tensors(name)) == 4
    for name in ("learning_rate", "gradient_norm", "validation/mAP", "codebook_use/11"):
        assert name in tags
    assert "ranked_lists" in tags
    lines = [json.loads(line) for line in pathlib.Path("m/history.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4] and "val_mAP" in lines[1]


def test_help_lists_the_flags_with_defaults_and_the_originals_names(run):
    status, shown, _ = run(run_train, "--method=gpq", "--help")
    assert status == 0
    for text in ("--num_codebooks, --n_book  [12]", "--epochs, --total_epochs  [300]", "--resume"):
        assert text in shown


def test_help_without_a_method_names_the_methods(run):
    shown = run(run_train, "--help")[1]
    assert all(name in shown for name in methods.names())


def test_an_unknown_method_is_refused_with_those_there_are(run):
    refused(run(run_train, "--method=nonsense"), "nonsense", *methods.names())


def test_no_method_is_refused_with_those_there_are(run):
    refused(run(run_train), "--method", *methods.names())


@pytest.mark.parametrize(
    "flag, words",
    [
        ("--precision=float8", ["precision", "mixed_bfloat16"]),
        ("--dataset=nonsense", ["nonsense", "digits"]),
        ("--num_codebooks=0", ["num_codebooks", ">= 1", "0"]),
        ("--num_codebook=4", ["num_codebooks"]),
        ("--batch_size=501", ["batch_size=501", "500"]),
        ("--gpus=first", ["first", "0,1"]),
        ("--img_model=vgg99", ["vgg99", "fixed_vgg"]),
        ("--pretrained=missing.mat", ["missing.mat"]),
        ("--seed=-1", ["seed", "-1"]),
        ("--steps_per_epoch=-1", ["steps_per_epoch", "-1"]),
        ("--image_size=-5", ["image_size", "-5"]),
    ],
)
def test_a_bad_flag_is_refused_and_nothing_written(run, tmp_path, flag, words):
    refused(run(run_train, *QUICK, "--dataset=digits", flag), *words)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_data_directory_is_refused(run, monkeypatch):
    monkeypatch.setattr("tfhash.data.tfds.PROBE_SECONDS", 0.01)
    refused(run(run_train, *QUICK, "--dataset=cifar10", "--data_dir=nowhere"), "nowhere")


def pickles(folder, count=130, labels=None):
    """CIFAR-10's six pickles with a few random images."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in cifar.BATCHES:
        batch = {
            b"data": rng.integers(0, 256, (count, 3072), dtype=np.uint8),
            b"labels": [i % 10 for i in range(count)] if labels is None else labels,
        }
        (folder / name).write_bytes(pickle.dumps(batch))
    return folder


def test_auto_takes_the_pickles_in_data_dir(run, tmp_path):
    pickles(tmp_path / "cifar10")
    status, shown, errors = run(run_train, *QUICK, "--model=m")
    assert status == 0, errors
    assert "dataset: cifar10" in shown
    settings = json.loads((tmp_path / "m" / "config.json").read_text())
    assert settings["data"]["dataset"] == "cifar10"


def test_a_truncated_pickle_is_refused(run, tmp_path):
    folder = pickles(tmp_path / "cifar10")
    (folder / "data_batch_3").write_bytes((folder / "data_batch_3").read_bytes()[:-500])
    refused(run(run_train, *QUICK), "data_batch_3")
    assert not (tmp_path / "models").exists()


def test_a_pickle_that_holds_code_is_refused_and_not_run(run, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    folder = pickles(tmp_path / "cifar10")
    (folder / "data_batch_2").write_bytes(pickle.dumps(Bomb()))
    refused(run(run_train, *QUICK), "data_batch_2", "mkdir")
    assert not (tmp_path / "ran").exists()


def test_fewer_labelled_images_than_a_batch_are_refused(run, tmp_path):
    pickles(tmp_path / "cifar10")
    refused(run(run_train, *QUICK, "--batch_size=400"), "400", "labelled")


def test_a_class_missing_from_the_labelled_images_is_named(run, tmp_path):
    pickles(tmp_path / "cifar10", labels=[i % 9 for i in range(130)])
    status, shown, errors = run(run_train, *QUICK)
    assert status == 0, errors
    assert "1 classes have no labelled training image: truck" in shown


def steps_of(path):
    """The steps that the weights of a model directory were trained."""
    return model_dir.load_weights(path)[1]


def test_training_into_a_model_is_refused_without_resume_or_overwrite(run, trained):
    before = (trained / "weights.safetensors").read_bytes()
    refused(run(run_train, *QUICK, "--model=m"), "--resume", "--overwrite")
    assert (trained / "weights.safetensors").read_bytes() == before


def test_overwrite_trains_anew(run, trained):
    status, _, errors = run(run_train, *QUICK, "--dataset=digits", "--model=m", "--overwrite")
    assert status == 0, errors
    assert len((trained / "history.jsonl").read_text().splitlines()) == 2


def test_resume_goes_on_to_more_epochs(run, trained):
    status, _, errors = run(run_train, "--method=gpq", "--model=m", "--epochs=3", "--resume")
    assert status == 0, errors
    steps = [
        json.loads(line)["step"] for line in (trained / "history.jsonl").read_text().splitlines()
    ]
    assert steps == [2, 4, 6]
    assert steps_of(trained) == 6


def test_resume_with_another_setting_is_refused(run, trained):
    result = run(run_train, "--method=gpq", "--model=m", "--resume", "--n_book=3")
    refused(result, "num_codebooks=12", "3")


def test_resume_on_devices_that_cannot_share_the_batch_says_which_can(run, trained):
    """As where a training of one GPU goes on where there are more."""
    settings = model_dir.load_settings(trained)
    settings["config"]["batch_size"] = 21
    model_dir.save_settings(trained, settings)
    goes_on = ("--method=gpq", "--model=m", "--epochs=3", "--resume")
    refused(run(run_train, *goes_on, "--virtual_devices=2"), "--gpus=0 or --virtual_devices=1")
    status, _, errors = run(run_train, *goes_on, "--virtual_devices=1")
    assert status == 0, errors


def test_resume_without_a_model_is_refused(run):
    refused(run(run_train, "--method=gpq", "--resume"), "models/48bits")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_saved_after_the_step(run, tmp_path, monkeypatch, number):
    interrupt_in_step(monkeypatch, 3, number)
    status, shown, _ = run(run_train, *QUICK, "--dataset=digits", "--model=m")
    assert status == 128 + number and "saved at step 3" in shown
    assert steps_of(tmp_path / "m") == 3
    status, shown, errors = run(run_train, "--method=gpq", "--model=m", "--resume")
    assert status == 0 and "Trained 4 steps" in shown, errors


def test_a_state_that_does_not_fit_is_refused(run, trained):
    other = ("--model=other", "--n_book=3", "--dataset=digits", "--save_every=1")
    assert run(run_train, *QUICK, *other)[0] == 0
    for path in (trained / "checkpoints").iterdir():
        path.unlink()
    for path in pathlib.Path("other/checkpoints").iterdir():
        path.rename(trained / "checkpoints" / path.name)
    refused(run(run_train, "--method=gpq", "--model=m", "--epochs=3", "--resume"), "does not fit")


@pytest.mark.parametrize("name", ["config.json", "weights.safetensors", "manifest.json"])
def test_an_incomplete_model_is_refused(run, trained, name):
    (trained / name).unlink()
    refused(run(run_test, "--model=m"), "m", name)


def test_a_model_of_a_newer_format_is_refused(run, trained):
    manifest = json.loads((trained / "manifest.json").read_text())
    (trained / "manifest.json").write_text(json.dumps(manifest | {"format": 99}))
    refused(run(run_test, "--model=m"), "format 99")


def test_a_model_that_is_not_there_is_refused(run):
    refused(run(run_test, "--model=nowhere"), "nowhere")


def test_testing_without_a_model_is_refused(run):
    refused(run(run_test), "--model")


def test_testing_with_another_setting_is_refused(run, trained):
    refused(run(run_test, "--model=m", "--method=gpq", "--n_book=3"), "num_codebooks=12")


def test_the_codes_are_saved_on_request(run, trained):
    status, shown, _ = run(run_test, "--model=m", "--save_codes")
    assert status == 0 and "m/report/codes.npz" in shown
    with np.load("m/report/codes.npz") as stored:
        assert stored["codes"].shape == (1697, 12)


def test_images_that_cannot_be_read_are_an_error_or_left_out_and_listed(run, tmp_path):
    for number in range(40):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((16, 16, 3), number * 6, np.uint8))
    (tmp_path / "photos/a/bad.png").write_bytes(b"no image")
    flags = (*QUICK, "--dataset=folder:photos", "--image_size=16", "--model=m")
    flags += ("--batch_size=2", "--cache_memory=1")
    refused(run(run_train, *flags), "bad.png")
    status, shown, errors = run(run_train, *flags, "--skip_bad_images", "--overwrite")
    assert status == 0, errors
    assert "left out: 1 images" in shown
    assert pathlib.Path("m/bad_images.txt").read_text() == "photos/a/bad.png\n"
    status, shown, errors = run(run_test, "--model=m")
    assert status == 0 and "m/report/bad_images.txt" in shown, errors


def test_a_checkpoint_of_the_original_is_tested(run, tmp_path):
    """On a few random images: the numbers are those of test_gpq; here the command must run."""
    pickles(tmp_path / "cifar10", count=20)
    prefix = golden.shared("golden/gpq/48bits_example.ckpt")
    status, shown, errors = run(run_test, f"--model={prefix}")
    assert status == 0, errors
    assert "report/48bits_example/metrics.json" in shown


def test_a_checkpoint_that_is_no_model_is_refused(run, tmp_path):
    import tensorflow as tf

    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "x.ckpt"),
        tensor_names=["a"],
        shape_and_slices=[""],
        tensors=[tf.zeros(2)],
    )
    refused(run(run_test, "--model=x.ckpt"), "x.ckpt", "gpq")


def test_a_test_looks_for_the_model_where_the_training_with_the_same_flags_puts_it():
    flags = ("--method=dch", "--save-dir=out", "--output-dim=32", "-b", "8", "--dataset=digits")
    training = common.parse(["run_train.py", *flags], common.TRAIN)
    assert settings.settle("dch", training.given).model == os.path.join("out", "dch_32bits")
    test = common.parse(["run_test.py", *flags], common.TEST)
    assert run_test.default_model(test) == os.path.join("out", "dch_32bits")


def test_a_default_model_is_gone_on_with_and_tested_by_the_method_alone(run):
    """Its name has settings that the dataset changes."""
    flags = ("--method=dqn", "--img_model=tiny", "--iter_num=2", "--batch_size=20")
    assert run(run_train, *flags, "--steps_per_epoch=2", "--save_every=1")[0] == 0
    status, shown, errors = run(run_train, *flags[:1], "--iter_num=3", "--resume")
    assert status == 0 and "Trained 3 steps" in shown, errors
    line = common.parse(["run_test.py", "--method=dqn"], common.TEST)
    assert run_test.default_model(line) == "models/dqn_20bits"
