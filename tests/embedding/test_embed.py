"""run_embed.py: one pass over images, in a file that is whole or gone on with."""

import dataclasses
import json
import pathlib
import shutil

import cv2
import numpy as np
import pytest
import tensorflow as tf

import run_embed
from tests import examples
from tests.commands import refused
from tfhash import data
from tfhash.data import images as pools
from tfhash.data import splits
from tfhash.embedding import embed, encoders
from tfhash.embedding.settings import Embed
from tfhash.methods.base import PLAIN
from tfhash.model import Model
from tfhash.settings import Images
from tfhash.training.interrupts import Interrupts

COUNT = 22
PIXELS = np.random.default_rng(0).integers(0, 256, (COUNT, 12, 10, 3), dtype=np.uint8)
OUT = pathlib.Path("out/vectors.npy")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder with a folder of images in it, whose names are in the order of `PIXELS`."""
    monkeypatch.chdir(tmp_path)
    pathlib.Path("images/deep").mkdir(parents=True)
    for number, image in enumerate(PIXELS):
        cv2.imwrite(path_of(number), image[..., ::-1])


def path_of(number):
    return f"images/deep/{number:02}.png"


def embedded(interrupted=None, **changes):
    """Embeds the folder in batches of four; the vectors where it came to its end."""
    given = {"images": "images", "out": str(OUT), "encode_batch": 4, "image_size": 8}
    given |= {} if "model" in changes else {"img_model": "tiny"}
    paths = embed.embed(interrupted=interrupted, **given | changes)
    return np.load(paths[0]) if paths else None


class After(Interrupts):
    """A signal in a batch, counted from 1."""

    def __init__(self, batch):
        super().__init__()
        self.left = batch

    def __bool__(self):
        self.left -= 1
        return self.left <= 0


def tiny(strategy=None):
    """The `Encoder` that `embedded` has by default."""
    strategy = strategy or tf.distribute.get_strategy()
    return encoders.of_backbone(Embed(img_model="tiny"), Images(image_size=8), strategy)


# ---- what is written


def test_vectors_are_the_features_of_the_images_in_their_order():
    found = embedded()
    resized = np.stack([pools.resize(image, (8, 8)) for image in PIXELS])
    expected = tiny().outputs(PLAIN.normalize(resized))
    assert found.dtype == np.float32 and found.shape == (COUNT, 32)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.ptp(found, axis=0).max() > 1e-3
    names = (OUT.parent / "ids.txt").read_text().splitlines()
    assert names == [f"deep/{number:02}.png" for number in range(COUNT)]
    assert sorted(p.name for p in OUT.parent.iterdir()) == ["ids.txt", "vectors.json", OUT.name]


def test_numbers_may_take_half_the_room():
    wide = embedded()
    OUT.unlink()
    narrow = embedded(dtype="float16", overwrite=True)
    np.testing.assert_array_equal(narrow, wide.astype(np.float16))
    assert json.loads((OUT.parent / "vectors.json").read_text())["dtype"] == "float16"


def test_a_trained_model_gives_its_outputs(tmp_path):
    model = examples.model("gpq")
    model.save("m")
    found = embedded(model="m", image_size=0)
    expected = Model.load("m").embed([path_of(number) for number in range(COUNT)], batch_size=4)
    np.testing.assert_array_equal(found, expected)


def test_a_dataset_gives_labels_and_parts():
    embedded(images="digits", encode_batch=512, image_size=0)
    labels, parts = (np.load(OUT.parent / name) for name in ("labels.npy", "split.npy"))
    digits = data.load("digits", data_dir="")
    np.testing.assert_array_equal(np.flatnonzero(parts == "query"), digits.query.index)
    np.testing.assert_array_equal(np.flatnonzero(parts == "train"), digits.database.index)
    np.testing.assert_array_equal(labels[digits.query.index], digits.query.labels.argmax(axis=1))


def test_classes_of_a_dataset_keep_their_names():
    for number, name in enumerate(("dog", "cat")):
        pathlib.Path("pets", name).mkdir(parents=True)
        for image in range(4):
            shutil.copy(path_of(4 * number + image), f"pets/{name}/{image}.png")
    embedded(images="folder:pets")
    ids = (OUT.parent / "ids.txt").read_text().splitlines()
    assert [pathlib.Path(one).parent.name for one in ids] == ["cat"] * 4 + ["dog"] * 4
    assert np.load(OUT.parent / "labels.npy").tolist() == ["cat"] * 4 + ["dog"] * 4
    assert sorted(np.load(OUT.parent / "split.npy")) == ["query"] + ["train"] * 7


def test_parts_that_overlap_are_not_written(caplog):
    """The query 5 is in the database too."""
    rows = [f"{path_of(number)} {number % 2}\n" for number in range(8)]
    for name, part in {"test": rows[5:], "train": rows[3:5], "database": rows[:6]}.items():
        pathlib.Path(f"{name}.txt").write_text("".join(part))
    with caplog.at_level("INFO", "tfhash"):
        embedded(images="coco", data_dir=".", num_classes=2)
    assert "parts that overlap are not written" in caplog.text
    assert not (OUT.parent / "split.npy").exists()


@pytest.mark.parametrize(
    "rows, expected",
    [
        (["3", "0", "3"], [3, 0, 3]),
        (["0 1", "1 0", "0 0"], [1, 0, -1]),
        (["0 1", "1 1", "0 0"], [[0, 1], [1, 1], [0, 0]]),
    ],
)
def test_a_list_gives_its_labels(rows, expected):
    lines = [f"{path_of(number)} {row}\n" for number, row in enumerate(rows)]
    pathlib.Path("list.txt").write_text("".join(lines))
    assert len(embedded(images="list.txt")) == 3
    np.testing.assert_array_equal(np.load(OUT.parent / "labels.npy"), expected)


def test_a_list_may_have_no_labels():
    pathlib.Path("list.txt").write_text(f"{path_of(1)}\n\n{path_of(0)}\n")
    found = embedded(images="list.txt")
    assert not (OUT.parent / "labels.npy").exists()
    np.testing.assert_allclose(found, embedded(overwrite=True)[[1, 0]], atol=1e-5)


def test_files_that_cannot_be_read_are_left_out_and_listed():
    whole = embedded()
    for number in (3, 21):
        pathlib.Path(path_of(number)).write_bytes(b"no image")
    rows = "".join(f"{path_of(number)} {number}\n" for number in range(COUNT))
    pathlib.Path("list.txt").write_text(rows)
    found = embedded(images="list.txt", overwrite=True)
    np.testing.assert_array_equal(found, np.delete(whole, [3, 21], axis=0))
    np.testing.assert_array_equal(
        np.load(OUT.parent / "labels.npy"), np.delete(np.arange(COUNT), [3, 21])
    )
    bad = (OUT.parent / "bad_images.txt").read_text().splitlines()
    assert [pathlib.Path(one).name for one in bad] == ["03.png", "21.png"]


def test_where_none_can_be_read_nothing_is_written():
    for number in range(COUNT):
        pathlib.Path(path_of(number)).write_bytes(b"")
    with pytest.raises(ValueError, match="None of the 22 images of images can be read"):
        embedded()
    assert not OUT.exists()


# ---- views


def test_views_are_drawn_anew_for_each_image_and_by_the_seed():
    found = embedded(views=2)
    assert found.shape == (COUNT, 2, 32)
    assert not np.isclose(found[:, 0], found[:, 1]).all(axis=1).any()
    np.testing.assert_array_equal(embedded(views=2, overwrite=True), found)
    assert not np.array_equal(embedded(views=2, seed=1, overwrite=True), found)


def test_a_view_of_all_of_an_image_is_the_image_or_its_mirror():
    found = embedded(views=3, crop_share=1.0)
    images = np.stack([pools.resize(image, (8, 8)) for image in PIXELS])
    both = [tiny().outputs(PLAIN.normalize(kind)) for kind in (images, images[:, :, ::-1])]
    near = [np.isclose(found, np.asarray(one)[:, None], atol=1e-4).all(axis=2) for one in both]
    assert (near[0] | near[1]).mean() > 0.5  # the aspect of a part is drawn too
    assert near[0].any() and near[1].any()


# ---- interruptions


@pytest.mark.parametrize("batch", [1, 3, 5])
@pytest.mark.parametrize("views", [0, 2])
def test_an_interrupted_run_ends_with_the_bytes_of_an_unbroken_one(batch, views):
    embedded(views=views, out="whole")
    assert embedded(views=views, interrupted=After(batch)) is None
    assert not OUT.exists()
    embedded(views=views)
    assert OUT.read_bytes() == pathlib.Path("whole/vectors.npy").read_bytes()


def test_what_could_not_be_read_before_an_interruption_is_listed_too():
    pathlib.Path(path_of(1)).write_bytes(b"no image")
    embedded(interrupted=After(2))
    assert len(embedded()) == COUNT - 1
    assert (OUT.parent / "bad_images.txt").read_text() == "deep/01.png\n"


def test_changed_images_are_not_gone_on_with():
    embedded(interrupted=After(2))
    pathlib.Path(path_of(0)).write_bytes(pathlib.Path(path_of(1)).read_bytes() + b"\0")
    with pytest.raises(ValueError, match="vectors of other images"):
        embedded()


def test_what_killed_processes_have_left_is_removed():
    OUT.parent.mkdir()
    left, own = OUT.parent / f".{'a' * 16}.ids.txt", OUT.parent / f".{'a' * 16}.mine.txt"
    for path in (left, own):
        path.write_text("")
    embedded()
    assert own.exists() and not left.exists()


def test_two_replicas_give_the_vectors_of_one(mirrored):
    part = splits.unlabelled(data.ArrayImages(PIXELS[:, :8, :8].copy()))
    options = {"views": 2, "seed": 0}
    both = (tiny(), tiny(mirrored))
    expected, found = (np.concatenate(list(e.batches(part, 4, **options))) for e in both)
    np.testing.assert_allclose(found, expected, atol=1e-5)


# ---- refusals


def test_what_is_there_is_not_replaced_unasked():
    embedded()
    with pytest.raises(ValueError, match="out/vectors.npy` exists. Use --overwrite"):
        embedded()
    with pytest.raises(ValueError, match="out/ids.txt` exists.*a folder of its own"):
        embedded(out="out/others.npy")


def test_vectors_are_not_embedded():
    with pytest.raises(ValueError, match="network of images. mlp takes vectors"):
        embedded(img_model="mlp")
    np.save("v.npy", np.ones((4, 3), np.float32))
    np.save("labels.npy", [0, 1, 0, 1])
    with pytest.raises(ValueError, match="embeddings:v.npy is a dataset of vectors"):
        embedded(images="embeddings:v.npy", pretrained="random")


def test_random_weights_are_taken_only_where_they_are_named():
    with pytest.raises(ValueError, match="Expected --pretrained.*ImageNet_pretrained.mat"):
        embedded(img_model="fixed_vgg")
    embedded(img_model="fixed_vgg", pretrained="random")


def test_numbers_that_a_dtype_cannot_hold_are_refused(monkeypatch):
    made = encoders.of_backbone

    def large(*given):
        encoder = made(*given)
        return dataclasses.replace(encoder, outputs=lambda x: 1e6 + encoder.outputs(x))

    monkeypatch.setattr(encoders, "of_backbone", large)
    with pytest.raises(ValueError, match="4 images are not finite as float16.*Use --dtype=float32"):
        embedded(dtype="float16")


@pytest.mark.parametrize(
    "flags, word",
    [
        (("--images=images",), "--img_model=BACKBONE or --model"),
        (("--images=images", "--img_model=tiny", "--model=m"), "Received both"),
        (("--img_model=tiny",), "Expected --images"),
        (("--img_model=tiny", "--images=none/at/all"), "a folder, a list or a dataset"),
        (("--img_model=tiny", "--images=images", "--view=2"), "Did you mean --views"),
        (
            ("--img_model=tiny", "--images=images", "--bits=2"),
            "Unknown flag --bits. It is a flag of run_train.py",
        ),
        (("--images=images", "--dataset=digits", "--img_model=tiny"), "Received both"),
        (
            ("--img_model=AlexNet", "--images=images", "--pretrained=random", "--image_size=8"),
            "224",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(run, flags, word):
    refused(run(run_embed, *flags), word)


def test_the_command_writes_what_it_says(run):
    flags = ("--img_model=tiny", "--images=images", f"--out={OUT.parent}", "--image_size=8")
    status, shown, errors = run(run_embed, *flags)
    assert status == 0, errors
    assert "embedded 22 of 22 images" in shown and f"wrote {OUT}" in shown
    assert np.load(OUT).shape == (COUNT, 32)
