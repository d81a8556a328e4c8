import pickle

import numpy as np
import pytest

from tfhash import data
from tfhash.data import cifar100


def write(folder, count=2000, changes=None, meta=True):
    """A training and a test file; image i has the red value i % 256 everywhere, class i % 100."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, size in (("train", count), ("test", 200)):
        rows = np.zeros((size, 3072), np.uint8)
        rows[:, :1024] = (np.arange(size) % 256)[:, None]
        batch = {b"data": rows, b"fine_labels": [n % 100 for n in range(size)]} | (changes or {})
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    if meta:
        names = [f"kind {number}".encode() for number in range(100)]
        (folder / "meta").write_bytes(pickle.dumps({b"fine_label_names": names}))
    return folder


def test_a_tenth_is_held_out_in_each_class(tmp_path):
    write(tmp_path / "cifar-100-python")
    splits = data.load("cifar100", data_dir=tmp_path)
    assert [len(part) for part in (splits.train, splits.query, splits.database)] == [
        2000,
        200,
        1800,
    ]
    assert splits.train.labels[~splits.train.labelled].sum(axis=0).tolist() == [2] * 100
    assert splits.classes[7] == "kind 7"


def test_the_split_is_that_of_the_original():
    """The positions that scikit-learn's split with seed 40 gives, as in cifar_process.py."""
    labels = np.arange(2200) % 100
    pixels = np.zeros((2200, 32, 32, 3), np.uint8)
    splits = cifar100.of_arrays(pixels, labels, 2000, tuple(map(str, range(100))))
    from sklearn.model_selection import train_test_split

    _, held = train_test_split(
        np.arange(2000), test_size=0.1, random_state=40, stratify=labels[:2000]
    )
    assert sorted(held) == splits.train.index[~splits.train.labelled].tolist()


def test_images_keep_their_colours_and_labels(tmp_path):
    splits = data.load("cifar100", data_dir=write(tmp_path))
    pixels = splits.train.read(np.array([3]))
    number = splits.train.index[3]
    assert (pixels[..., 0] == number % 256).all() and not pixels[..., 1:].any()
    assert splits.train.labels[3].argmax() == number % 100


def test_without_meta_classes_have_numbers(tmp_path):
    assert data.load("cifar100", data_dir=write(tmp_path, meta=False)).classes[99] == "99"


@pytest.mark.parametrize(
    "changes, message",
    [
        ({b"fine_labels": [100] * 2000}, "n fine_labels|from 0 to 99"),
        ({b"data": np.zeros((2000, 3071), np.uint8)}, "expected data uint8"),
        ({b"data": None}, "expected data uint8"),
    ],
)
def test_a_file_of_another_shape_is_named(tmp_path, changes, message):
    with pytest.raises(ValueError, match=rf"{tmp_path}/train.*({message})"):
        data.load("cifar100", data_dir=write(tmp_path, changes=changes))


def test_a_file_without_fine_labels_is_named(tmp_path):
    write(tmp_path)
    (tmp_path / "test").write_bytes(pickle.dumps({b"data": np.zeros((2, 3072), np.uint8)}))
    with pytest.raises(ValueError, match=f"{tmp_path}/test.*fine_labels"):
        data.load("cifar100", data_dir=tmp_path)


def test_where_the_pickles_lie_is_said(tmp_path):
    assert str(write(tmp_path)) in data.resolve("cifar100", tmp_path)[1]
    assert "to be downloaded (169 MB)" in data.resolve("cifar100", tmp_path / "none")[1]


def test_classes_of_too_few_images_are_refused(tmp_path):
    write(tmp_path, count=150)
    with pytest.raises(ValueError, match="train`: .*ten images.*150 images of 100 classes"):
        data.load("cifar100", data_dir=tmp_path)
