"""Where --pretrained finds its file, and what a training says of the weights it begins with."""

import fnmatch
import hashlib
import json
import pathlib

import pytest

import run_train
from tests import golden
from tests.commands import refused
from tfhash import backbones, pretrained
from tfhash.training.trainer import Trainer

VGG, RESNET, TINY = (backbones.load(name) for name in ("fixed_vgg", "ResNet50", "tiny"))
RESNET_FILE = "resnet50-0676ba61.pth"


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """The current folder and that of the repository, as empty ones."""
    here, repository = tmp_path / "here", tmp_path / "repository"
    for folder in (here, repository):
        (folder / "pretrained").mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setattr(pretrained, "REPOSITORY", repository)
    return here, repository


def made(path, content=b"weights"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# ---- where a file is found


@pytest.mark.parametrize(
    "value, path",
    [
        ("w.npy", "w.npy"),
        ("./models/ImageNet_pretrained", "models/ImageNet_pretrained.mat"),  # of GPQ's config.py
        ("models/20.ckpt", "models/20.ckpt.index"),
        ("ImageNet_pretrained", "pretrained/ImageNet_pretrained.mat"),
        ("ImageNet_pretrained.mat", "pretrained/ImageNet_pretrained.mat"),
        ("reference_pretrain.npy", "pretrained/reference_pretrain.npy.zip"),
        ("pretrained/reference_pretrain.npy", "pretrained/reference_pretrain.npy.zip"),
        (RESNET_FILE, f"pretrained/{RESNET_FILE}"),
        ("resnet50", f"pretrained/{RESNET_FILE}"),
    ],
)
def test_a_file_is_found_by_its_path_or_its_name(folders, value, path):
    made(folders[0] / path)
    assert pretrained.find(value, VGG) == path


def test_a_name_is_looked_for_in_the_folder_of_the_repository_too(folders):
    file = made(folders[1] / "pretrained" / RESNET_FILE)
    assert pretrained.find("resnet50", RESNET) == str(file)
    nearer = made(folders[0] / "pretrained" / RESNET_FILE)
    assert pretrained.find("resnet50", RESNET) == str(nearer.relative_to(folders[0]))


def test_a_path_is_not_looked_for_elsewhere(folders):
    made(folders[0] / "pretrained/w.npy")
    with pytest.raises(ValueError, match="none at `other/w.npy`, with"):
        pretrained.find("other/w.npy", VGG)


def test_a_short_name_of_several_files_is_refused(folders):
    for name in (RESNET_FILE, "resnet50-11ad3fa6.pth", "resnet50_32x4d-1.pth"):
        made(folders[0] / "pretrained" / name)
    with pytest.raises(ValueError, match=f"There are {RESNET_FILE}, resnet50-11ad3fa6.pth. Give"):
        pretrained.find("resnet50", RESNET)


def test_what_is_not_found_is_named_with_every_place(folders):
    made(folders[0] / "pretrained/other.npy")
    with pytest.raises(ValueError) as caught:
        pretrained.find("w.npy", VGG)
    repository = folders[1] / "pretrained/w.npy"
    for place in ("`w.npy`", "`pretrained/w.npy`", f"`{repository}`", "pretrained/README.md"):
        assert place in str(caught.value)


def test_a_folder_is_no_file(folders):
    (folders[0] / "pretrained/resnet50").mkdir()
    with pytest.raises(ValueError, match="Received: resnet50. There is none"):
        pretrained.find("resnet50", RESNET)


def test_keras_is_no_file_for_networks_of_torchvision():
    assert pretrained.find("keras", RESNET) == "keras"
    with pytest.raises(ValueError, match="Received: keras"):
        pretrained.find("keras", VGG)


@pytest.mark.parametrize(
    "name, file",
    [
        ("AlexNet", "alexnet-owt-7be5be79.pth"),
        ("VGG16", "vgg16-397923af.pth"),
        ("VGG16BN", "vgg16_bn-6c64b313.pth"),
        ("ResNet50", RESNET_FILE),
        ("ResNet152", "resnet152-394f9c45.pth"),
        ("alexnet", "reference_pretrain.npy.zip"),
        ("bvlc_alexnet", "bvlc_alexnet.npy"),
        ("fixed_vgg", "ImageNet_pretrained.mat"),
    ],
)
def test_a_published_file_is_that_of_one_backbone(name, file):
    """By the names under which torchvision and the originals publish them."""
    takers = [
        other
        for other in backbones.names()
        if any(fnmatch.fnmatch(file, pattern) for pattern in backbones.load(other).files)
    ]
    assert takers == [name]


# ---- what is said


def test_random_weights_are_said_with_what_papers_begin_with():
    said = pretrained.said_of("", VGG)
    assert said.startswith("random; ") and "ImageNet_pretrained.mat of youngkyunJang/GPQ" in said
    assert "--pretrained=FILE" in said and "pretrained/README.md" in said


@pytest.mark.parametrize("place", [0, 1])
def test_a_published_file_that_lies_there_is_said_but_not_taken(folders, place):
    made(folders[place] / "pretrained" / RESNET_FILE)
    said = pretrained.said_of("", RESNET)
    assert said.startswith("random; ") and f"--pretrained={RESNET_FILE} takes them" in said


def test_nothing_is_said_of_a_network_without_published_weights():
    assert pretrained.said_of("", TINY) == pretrained.RANDOM


def test_a_file_is_said_with_its_sum(folders):
    path = made(folders[0] / "w.npy")
    digest = hashlib.sha256(b"weights").hexdigest()
    assert pretrained.said_of(str(path), VGG) == f"w.npy (SHA-256 {digest})"


def test_the_files_of_a_checkpoint_are_said_with_their_sums(folders):
    path = made(folders[0] / "x.ckpt.index", b"index")
    made(folders[0] / "x.ckpt.data-00000-of-00001", b"data")
    made(folders[0] / "xxckpt.data-00000-of-00001", b"of another")
    sums = [hashlib.sha256(content).hexdigest() for content in (b"index", b"data")]
    said = f"x.ckpt.index (SHA-256 {sums[0]}), x.ckpt.data-00000-of-00001 (SHA-256 {sums[1]})"
    assert pretrained.said_of(str(path), VGG) == said


def test_keras_is_said_as_what_it_stands_for():
    assert "keras.applications" in pretrained.said_of("keras", RESNET)


# ---- the commands

GPQ = ("--method=gpq", "--dataset=digits", "--batch_size=8", "--model=m", "--steps_per_epoch=1")


@pytest.fixture
def start(folders, run, monkeypatch):
    """Starts a training, of no step: what it shows, and what config.json says of its weights."""
    monkeypatch.setattr(Trainer, "fit", lambda *_, **__: None)
    monkeypatch.chdir(folders[0])  # where `run` has left

    def of(*flags):
        status, shown, errors = run(run_train, *GPQ, *flags)
        assert status == 0, errors
        return shown, json.loads(pathlib.Path("m/config.json").read_text())["initial_weights"]

    return of


def test_a_start_from_random_weights_is_said_once_before_it_and_kept(start):
    shown, kept = start()
    lines = shown.splitlines()
    said = [number for number, line in enumerate(lines) if line == f"Initial weights: {kept}."]
    assert len(said) == 1 and kept.startswith("random; ")
    assert said[0] < next(n for n, line in enumerate(lines) if line.startswith("Training into"))
    shown, again = start("--resume")
    assert "weights" not in shown and again == kept


def test_a_network_without_published_weights_starts_in_silence(start):
    shown, kept = start("--img_model=tiny")
    assert kept == "random" and "weights" not in shown


def test_a_start_from_a_file_keeps_its_name_and_sum(start, folders):
    excerpt = (golden.ROOT / "gpq" / "ImageNet_pretrained_excerpt.mat").read_bytes()
    made(folders[0] / "pretrained/ImageNet_pretrained.mat", excerpt)
    shown, kept = start("--ImagNet_pretrained_path=ImageNet_pretrained")
    assert kept == f"ImageNet_pretrained.mat (SHA-256 {hashlib.sha256(excerpt).hexdigest()})"
    assert "pretrained/ImageNet_pretrained.mat: 8 of 40 variables read" in shown


def test_a_file_that_is_not_found_leaves_no_model(start, run):
    refused(run(run_train, *GPQ, "--pretrained=nowhere"), "nowhere", "pretrained/README.md")
    assert not pathlib.Path("m").exists()
