"""The originals' command lines of HashNet and latent hashing, on small images and lists."""

import json
import pathlib

import cv2
import numpy as np
import pytest

import run_test
import run_train
from tests import golden
from tests.commands import refused
from tfhash.methods import latent

HASHNET = ("--method=hashnet", "--net=tiny", "--hash_bit=12", "--class_num=1.0",
           "--dataset=coco", "--prefix=tiny_hashnet", "--resize_size=20",
           "--crop_size=16")  # fmt: skip
LATENT = ("--method=latent", "--img_model=tiny", "--finetune_all", "--num_bits=12",
          "--dataset=cifar10", "--data_dir=data/cifar10")  # fmt: skip
PARAMS = {
    "learning_rate": 1e-2, "batch_size": 8, "num_epochs": 3, "num_classes": 10,
    "keep_prob": 0.5, "num_channels": 3, "buffer_size": 1000, "image_size": 32,
    "num_labels": 10, "num_parallel_calls": 8, "save_summary_steps": 2,
}  # fmt: skip


def write_lists(folder, labels):
    """Images and the three lists; `labels(number)` is what follows a path."""
    (folder / "images").mkdir(parents=True)
    for number, image in enumerate(golden.seeded.images(1, 48, 24, 32)):
        cv2.imwrite(str(folder / f"images/{number}.png"), image)
    for name, rows in (("train", range(24)), ("test", range(24, 32)), ("database", range(32, 48))):
        lines = [f"images/{row}.png {labels(row)}\n" for row in rows]
        (folder / f"{name}.txt").write_text("".join(lines))


def one_hot(row):
    return " ".join(str(int(row % 10 == number)) for number in range(10))


@pytest.fixture
def run(run, tmp_path):
    """`run` in a folder with lists and the original's params.json."""
    write_lists(tmp_path / "data/coco", lambda row: f"{row % 2} 1 {row % 3 % 2}")
    write_lists(tmp_path / "data/cifar10", one_hot)
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments/params.json").write_text(json.dumps(PARAMS))
    return run


SHORT = ("--lr=0.01", "--batch_size=6", "--iterations_per_epoch=3", "--epochs=2",
         "--save_every=1")  # fmt: skip


def test_hashnet_trains_and_tests_a_snapshot_by_the_originals_flags(run):
    assert run(run_train, *HASHNET, *SHORT)[0] == 0
    status, shown, _ = run(run_test, *HASHNET, "--snapshot=iter_00003")
    assert status == 0 and "mAP" in shown
    report = pathlib.Path("models/tiny_hashnet_12bits/report")
    codes = np.load(report / "iter_00003_database_code.npy")
    assert codes.shape == (16, 12) and set(np.unique(codes)) <= {-1, 1}
    assert np.load(report / "iter_00003_test_labels.npy").shape == (8, 3)
    refused(run(run_test, *HASHNET, "--snapshot=iter_00005"), "step 5", "[3, 6]")


def test_hashnet_trains_on_lists_of_class_numbers(run, tmp_path):
    write_lists(tmp_path / "data/imagenet", lambda row: row % 4)
    flags = [flag.replace("coco", "imagenet") for flag in HASHNET]
    status, shown, _ = run(run_train, *flags, *SHORT, "--epochs=1", "--iterations_per_epoch=1")
    assert status == 0 and "Trained 1 steps" in shown


@pytest.mark.parametrize(
    "flags, words",
    [
        (("--net=ResNet99",), ("ResNet50", "Received: 'ResNet99'")),
        (("--num_classes=2",), ("train.txt`, line 1", "2 labels", "Received: 3")),
        (("--lr_type=cosine",), ("lr_type", "'cosine'")),
        (("--pretrained=nowhere.pth",), ("nowhere.pth",)),
    ],
)
def test_hashnet_refuses_in_one_line(run, flags, words):
    refused(run(run_train, *HASHNET, *SHORT, *flags), *words)
    assert not pathlib.Path("models").exists()


def interrupt_at(monkeypatch, step):
    """Ctrl-C in the step of this number, once."""
    seen = []

    def on_step_end(self, outputs, positions):
        seen.append(1)
        if len(seen) == step:
            raise KeyboardInterrupt

    monkeypatch.setattr(latent.Method, "on_step_end", on_step_end)


def test_latent_goes_on_by_the_same_command(run, monkeypatch):
    """Three epochs of three steps; stopped in the fifth step."""
    command = (*LATENT, "--model_config=experiments", "--model_dir=experiments/checkpoint_data")
    interrupt_at(monkeypatch, 5)
    status, shown, _ = run(run_train, *command)
    assert status == 130 and "saved at step 5. Go on with the same command" in shown
    status, shown, _ = run(run_train, *command)
    assert status == 0 and "Trained 9 steps" in shown
    assert "Trained 9 steps" in run(run_train, *command)[1]
    model = "--model_dir=experiments/checkpoint_data"
    shown = run(run_test, "--method=latent", model, "--k=3", "--threshold=4")[1]
    assert "search_precision" in shown and "accuracy" in shown


def test_latent_writes_its_accuracy_and_histograms(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    command = (*LATENT, "--model_config=experiments", "--model=m", "--max_steps=4")
    assert run(run_train, *command, "--num_epochs=9", "--save_every=1")[0] == 0
    events = EventAccumulator("m/tensorboard").Reload()
    tags = events.Tags()["tensors"]
    for name in ("training_accuracy", "validation/accuracy", "validation/search_precision",
                 "losses/classification"):  # fmt: skip
        assert name in tags
    for name in ("fclat/kernel", "fclat/kernel/gradient", "fc8/bias", "conv0/kernel/gradient"):
        assert [event.step for event in events.Tensors(name)] == [2, 4]


@pytest.mark.parametrize(
    "flags, words",
    [
        (("--nofinetune_all",), ("--pretrained", "--finetune_all")),
        (("--batch_size=25",), ("batch_size=25", "24 labelled")),
        (("--model_config=nowhere",), ("params.json", "nowhere")),
        (("--num_classes=12",), ("Expected 12 classes", "has 10")),
        (("--query_file=data/cifar10/train.txt",), ("--allow_overlap",)),
        (("--img_model=alexnet", "--image_size=32"), ("image_size", "227")),
    ],
)
def test_latent_refuses_in_one_line(run, flags, words):
    refused(run(run_train, *LATENT, *flags), *words)
    assert not pathlib.Path("models").exists()


def test_class_numbers_beyond_the_classes_are_refused(run, tmp_path):
    write_lists(tmp_path / "ids", lambda row: row)
    flags = ("--dataset=coco", "--data_dir=ids", "--model_config=experiments")
    refused(run(run_train, *LATENT, *flags), "train.txt`, line 11", "from 0 to 9. Received: 10")
