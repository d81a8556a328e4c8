import pickle

import numpy as np
import pytest

from tfhash import data
from tfhash.data import imagenet32


def write(folder, count=100):
    """Ten batches and the validation set; every pixel of a file has the number of the file."""
    folder.mkdir(exist_ok=True)
    for number, name in enumerate((*imagenet32.BATCHES, imagenet32.TEST)):
        labels = np.arange(count) % 1000 + 1
        rows = np.full((count, 3072), number, np.uint8)
        batch = {"data": rows, "labels": labels.tolist(), "mean": np.zeros(3072)}
        (folder / name).write_bytes(pickle.dumps(batch))
    return folder


def test_the_batches_are_split_as_the_original_does(tmp_path):
    splits = data.load("imagenet32", data_dir=write(tmp_path))
    assert [len(part) for part in splits.parts().values()] == [1000, 100, 900]
    held = splits.train.read(np.flatnonzero(~splits.train.labelled))
    assert (held == 9).all() and (splits.query.read(np.arange(3)) == 10).all()


def test_labels_start_at_one_in_the_files(tmp_path):
    splits = data.load("imagenet32", data_dir=write(tmp_path))
    assert splits.query.labels[:3].argmax(axis=1).tolist() == [0, 1, 2]


def test_the_first_of_each_class_are_found_class_after_class():
    found = imagenet32.first_of_each(np.array([1, 0, 1, 0, 0, 1]), 2)
    assert found.tolist() == [1, 3, 0, 2]


def test_of_a_whole_set_fifty_of_each_class_are_held_out():
    labels = np.arange(300) % 3
    pixels = np.zeros((300, 32, 32, 3), np.uint8)
    splits = imagenet32.of_arrays(pixels, labels, 240, ("a", "b", "c"))
    assert splits.train.labels[~splits.train.labelled].sum(axis=0).tolist() == [50, 50, 50]
    assert len(splits.query) == 60 and len(splits.database) == 90


def test_a_missing_batch_is_named(tmp_path):
    (write(tmp_path) / "train_data_batch_4").unlink()
    with pytest.raises(ValueError, match="train_data_batch_4` is missing"):
        data.load("imagenet32", data_dir=tmp_path)


@pytest.mark.parametrize("labels", [[0] * 3, [1001] * 3, [1, 2], ["a"] * 3])
def test_labels_out_of_range_are_refused(tmp_path, labels):
    batch = {"data": np.zeros((3, 3072), np.uint8), "labels": labels}
    (write(tmp_path) / "val_data").write_bytes(pickle.dumps(batch))
    with pytest.raises(ValueError, match="val_data`: expected"):
        data.load("imagenet32", data_dir=tmp_path)
