"""The originals' command lines of hash tables, HashNet and latent hashing, on small images."""

import json
import pathlib

import numpy as np
import pytest

import run_test
import run_train
from flags import common
from tests import golden
from tests.commands import interrupt_in_step, quick_report, refused, write_lists
from tests.examples import CLASSES
from tfhash import methods, model_dir, originals
from tfhash.model import Model
from tfhash.training.trainer import Trainer

HASHNET = (
    "--method=hashnet",
    "--net=tiny",
    "--hash_bit=12",
    "--class_num=1.0",
    "--dataset=coco",
    "--prefix=tiny_hashnet",
    "--resize_size=20",
    "--crop_size=16",
)
SHORT = ("--lr=0.01", "--batch_size=6", "--iterations_per_epoch=3", "--epochs=2", "--save_every=1")
LATENT = (
    "--method=latent",
    "--img_model=tiny",
    "--finetune_all",
    "--num_bits=12",
    "--dataset=cifar10",
    "--data_dir=data/cifar10",
)
PARAMS = {
    "learning_rate": 1e-2,
    "batch_size": 8,
    "num_epochs": 3,
    "num_classes": 10,
    "keep_prob": 0.5,
    "num_channels": 3,
    "buffer_size": 1000,
    "image_size": 32,
    "num_labels": 10,
    "num_parallel_calls": 8,
    "save_summary_steps": 2,
}
TABLE = (
    "--method=hash_table",
    "--dataset=digits",
    "--conv=tiny",
    "--epoch=1",
    "--steps_per_epoch=2",
)
PARTS = {"train": range(24), "test": range(24, 32), "database": range(32, 48)}


def write_data(folder, label):
    """48 images and the three lists; `label(number)` is what follows a path."""
    lists = {part: {row: label(row) for row in rows} for part, rows in PARTS.items()}
    write_lists(folder, golden.seeded.images(1, 48, 24, 32), **lists)


def one_hot(row):
    return " ".join(str(int(row % 10 == number)) for number in range(10))


@pytest.fixture
def run_on_lists(run, tmp_path):
    """`run` in a folder with lists and the original's params.json."""
    write_data(tmp_path / "data/coco", lambda row: f"{row % 2} 1 {row % 3 % 2}")
    write_data(tmp_path / "data/cifar10", one_hot)
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments/params.json").write_text(json.dumps(PARAMS))
    return run


def refused_without_a_model(result, *words):
    refused(result, *words)
    assert not pathlib.Path("models").exists() and not pathlib.Path("m").exists()


def events(path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(f"{path}/tensorboard").Reload()


# ---- HashNet


def test_hashnet_trains_and_tests_a_snapshot_by_the_originals_flags(run_on_lists):
    assert run_on_lists(run_train, *HASHNET, *SHORT)[0] == 0
    status, shown, _ = run_on_lists(run_test, *HASHNET, "--snapshot=iter_00003")
    assert status == 0 and "mAP" in shown
    report = pathlib.Path("models/tiny_hashnet_12bits/report")
    codes = np.load(report / "iter_00003_database_code.npy")
    assert codes.shape == (16, 12) and set(np.unique(codes)) <= {-1, 1}
    assert np.load(report / "iter_00003_test_labels.npy").shape == (8, 3)
    refused(run_on_lists(run_test, *HASHNET, "--snapshot=iter_00005"), "step 5", "[0, 3, 6]")


def test_hashnet_trains_on_lists_of_class_numbers(run_on_lists, tmp_path):
    write_data(tmp_path / "data/imagenet", lambda row: row % 4)
    flags = [flag.replace("coco", "imagenet") for flag in HASHNET]
    one_step = ("--epochs=1", "--iterations_per_epoch=1")
    status, shown, _ = run_on_lists(run_train, *flags, *SHORT, *one_step)
    assert status == 0 and "Trained 1 steps" in shown


@pytest.mark.parametrize(
    "flags, words",
    [
        (("--net=ResNet99",), ("ResNet50", "Received: 'ResNet99'")),
        (("--num_classes=2",), ("train.txt`, line 1", "2 labels", "Received: 3")),
        (("--lr_type=cosine",), ("lr_type=cosine", "multistep")),
        (("--pretrained=nowhere.pth",), ("nowhere.pth",)),
        (("--encode_in_training_mode",), ("--encode_in_training_mode in run_test.py",)),
    ],
)
def test_hashnet_refuses_in_one_line(run_on_lists, flags, words):
    refused_without_a_model(run_on_lists(run_train, *HASHNET, *SHORT, *flags), *words)


# ---- latent hashing


def test_latent_goes_on_by_the_same_command(run_on_lists, monkeypatch):
    """Three epochs of three steps; stopped in the fifth step."""
    command = (*LATENT, "--model_config=experiments", "--model_dir=experiments/checkpoint_data")
    interrupt_in_step(monkeypatch, 5)
    status, shown, _ = run_on_lists(run_train, *command)
    assert status == 130 and "saved at step 5. Go on with the same command" in shown
    status, shown, _ = run_on_lists(run_train, *command)
    assert status == 0 and "Trained 9 steps" in shown
    assert "Trained 9 steps" in run_on_lists(run_train, *command)[1]
    model = "--model_dir=experiments/checkpoint_data"
    shown = run_on_lists(run_test, "--method=latent", model, "--k=3", "--threshold=4")[1]
    assert "search_precision" in shown and "accuracy" in shown


def test_latent_writes_its_accuracy_and_histograms(run_on_lists):
    command = (*LATENT, "--model_config=experiments", "--model=m", "--max_steps=4")
    assert run_on_lists(run_train, *command, "--num_epochs=9", "--save_every=1")[0] == 0
    written = events("m")
    measures = {"training_accuracy", "validation/accuracy", "validation/search_precision"}
    assert measures | {"losses/classification"} <= set(written.Tags()["tensors"])
    for name in ("fclat/kernel", "fclat/kernel/gradient", "fc8/bias", "conv0/kernel/gradient"):
        assert [event.step for event in written.Tensors(name)] == [2, 4]


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
def test_latent_refuses_in_one_line(run_on_lists, flags, words):
    refused_without_a_model(run_on_lists(run_train, *LATENT, *flags), *words)


def test_class_numbers_beyond_the_classes_are_refused(run_on_lists, tmp_path):
    write_data(tmp_path / "ids", lambda row: row)
    flags = ("--dataset=coco", "--data_dir=ids", "--model_config=experiments")
    result = run_on_lists(run_train, *LATENT, *flags)
    refused(result, "train.txt`, line 11", "from 0 to 9. Received: 10")


# ---- hash tables


def metric_model(path, **changes):
    """Makes an untrained model of the metric stage."""
    sizes = {"image_size": 16, "embedding_dim": 16, "buckets": 16, "img_model": "tiny"}
    config = methods.load("hash_table").Config(**sizes | changes)
    Model("hash_table", config, classes=CLASSES, size=(16, 16)).save(path)


def test_the_stages_train_and_test_from_the_command_line(run, tmp_path, monkeypatch):
    status, shown, _ = run(run_train, *TABLE, "--stage=hash", "--model=m/hash")
    assert status == 0
    assert "a model that is trained first, into m/hash_hash_table_metric_triplet_16" in shown
    tags = {"validation/suf", "validation/nmi", "validation/precision@1"}
    assert tags <= set(events("m/hash").Tags()["tensors"])
    quick_report(monkeypatch)
    assert run(run_test, "--model=m/hash")[0] == 0
    metrics = json.loads((tmp_path / "m/hash/report/metrics.json").read_text())
    assert {"te_te_precision@1", "te_tr_recall@16", "te_tr_suf@4", "test_nmi"} <= set(metrics)


def test_a_metric_model_is_taken_or_trained_or_gone_on_with(run, tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(Trainer, "fit", lambda self, *_, **__: trained.append(self.model.path))
    metric_model(tmp_path / "metric")
    hash_stage = (*TABLE, "--stage=hash")
    status, shown, _ = run(run_train, *hash_stage, "--model=a", "--metric_model=metric")
    assert status == 0 and "start_from" not in shown
    assert trained == ["a"]
    shown = run(run_train, *hash_stage, "--model=b")[1]
    assert "trained first, into b_hash_table_metric_triplet_16" in shown
    assert trained == ["a", "b_hash_table_metric_triplet_16", "b"]
    shown = run(run_train, *hash_stage, "--model=b", "--overwrite")[1]
    assert "Starts from b_hash_table_metric_triplet_16" in shown
    assert trained[3:] == ["b_hash_table_metric_triplet_16", "b"]


def test_an_embedding_of_other_settings_is_gone_on_with_as_it_was_trained(run):
    """What it was trained with is not what the hash stage is asked for."""
    assert run(run_train, *TABLE, "--ltype=npair", "--nbatch=10", "--ma=0.5")[0] == 0
    status, shown, errors = run(run_train, *TABLE, "--stage=hash", "--hltype=npair", "--k=2")
    assert status == 0, errors
    assert "Starts from models/hash_table_metric_npair_16 as it was trained" in shown
    assert model_dir.load_settings("models/hash_table_metric_npair_16")["config"]["active"] == 1


def test_an_embedding_of_another_loss_is_not_taken_by_default(run):
    assert run(run_train, *TABLE, "--ltype=triplet")[0] == 0
    status, shown, errors = run(run_train, *TABLE, "--stage=hash", "--hltype=npair")
    assert status == 0, errors
    assert "trained first, into models/hash_table_metric_npair_16" in shown


@pytest.mark.parametrize(
    "flags, words",
    [
        (("--stage=hash", "--k=17"), ("active=17", "buckets=16")),
        (("--nbatch=64", "--nsclass=10"), ("multiple of `batch_classes`=10", "64")),
        (("--nbatch=60", "--nsclass=20"), ("from 1 to the 10 of the dataset", "20")),
        (("--nbatch=1000", "--nsclass=10"), ("100 labelled training images", "0 (50)")),
        (("--metric_model=m/metric",), ("starts from no model with these settings",)),
        (("--stage=hash", "--metric_model=nowhere"), ("nowhere",)),
    ],
)
def test_hash_tables_refuse_in_one_line(run, flags, words):
    refused_without_a_model(run(run_train, *TABLE, "--model=m/new", *flags), *words)


def test_a_metric_model_of_another_width_is_refused_in_a_line(run, tmp_path):
    metric_model(tmp_path / "narrow", embedding_dim=8)
    flags = ("--stage=hash", "--model=m", "--metric_model=narrow")
    refused_without_a_model(run(run_train, *TABLE, *flags), "embedding_dim=16", "embedding_dim=8")


def test_the_original_names_of_the_backbone_and_the_datasets_are_known():
    line = common.parse(["run", "--method=hash_table", "--conv=conv1"], common.TRAIN)
    assert line.given == {"img_model": "nin"}
    assert originals.dataset_name("hash_table", "imgnet32") == "imagenet32"
