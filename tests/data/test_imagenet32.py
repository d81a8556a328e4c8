import pickle

import numpy as np
import pytest

from tfhash import data
from tfhash.data import imagenet32, splits

MEAN = np.arange(3072) / 12.5


def write(folder, count=100):
    """Ten batches and the validation set; every pixel of a file has the number of the file."""
    folder.mkdir(exist_ok=True)
    for number, name in enumerate((*imagenet32.BATCHES, imagenet32.TEST)):
        labels = np.arange(count) % 1000 + 1
        rows = np.full((count, 3072), number, np.uint8)
        batch = {"data": rows, "labels": labels.tolist()}
        batch |= {} if name == imagenet32.TEST else {"mean": MEAN}
        (folder / name).write_bytes(pickle.dumps(batch))
    return folder


def change(path, **changes):
    path.write_bytes(pickle.dumps(pickle.loads(path.read_bytes()) | changes))


def test_the_batches_are_split_as_the_original_does(tmp_path):
    loaded = data.load("imagenet32", data_dir=write(tmp_path))
    assert [len(part) for part in loaded.parts().values()] == [1000, 100, 900]
    held = loaded.train.read(np.flatnonzero(~loaded.train.labelled))
    assert (held == 9).all() and (loaded.query.read(np.arange(3)) == 10).all()


def test_labels_start_at_one_in_the_files(tmp_path):
    loaded = data.load("imagenet32", data_dir=write(tmp_path))
    assert loaded.query.labels[:3].argmax(axis=1).tolist() == [0, 1, 2]


def test_the_mean_of_the_batches_is_that_of_the_dataset(tmp_path):
    """The original takes off that of all 1.28 million images, which the files give."""
    train = data.load("imagenet32", data_dir=write(tmp_path)).train
    mean = splits.pixel_mean(train)
    assert mean.dtype == np.float32 and mean.shape == (32, 32, 3)
    planes = MEAN.reshape(3, 32, 32) / 255
    np.testing.assert_allclose(mean[3, 5], planes[:, 3, 5], rtol=1e-6)
    np.testing.assert_array_equal(splits.pixel_mean(train.subset(np.arange(5))), mean)


def counted(train):
    """Whether the mean is that of the images: nine tenths of them from 0 to 8, the others 9."""
    return np.allclose(splits.pixel_mean(train), (0.9 * 4 + 0.1 * 9) / 255)


def test_resized_images_have_a_mean_of_their_own(tmp_path):
    loaded = data.load("imagenet32", data_dir=write(tmp_path))
    assert not counted(loaded.resized((32, 32)).train)
    assert counted(loaded.resized((16, 16)).train)
    assert counted(data.load("imagenet32", data_dir=tmp_path, image_size=16).train)


@pytest.mark.parametrize("mean", [None, MEAN + 1, MEAN[:5], MEAN * np.nan], ids=str)
def test_the_mean_of_batches_that_do_not_agree_is_counted(tmp_path, mean):
    change(write(tmp_path) / "train_data_batch_3", mean=mean)
    assert counted(data.load("imagenet32", data_dir=tmp_path).train)


def test_the_first_of_each_class_are_found_class_after_class():
    found = imagenet32.first_of_each(np.array([1, 0, 1, 0, 0, 1]), 2)
    assert found.tolist() == [1, 3, 0, 2]


def test_of_a_whole_set_fifty_of_each_class_are_held_out():
    labels = np.arange(300) % 3
    pixels = np.zeros((300, 32, 32, 3), np.uint8)
    made = imagenet32.of_arrays(pixels, labels, 240, ("a", "b", "c"))
    assert made.train.labels[~made.train.labelled].sum(axis=0).tolist() == [50, 50, 50]
    assert len(made.query) == 60 and len(made.database) == 90


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
