import hashlib
import pickle
import runpy

import numpy as np
import pytest

from tests import golden
from tfhash.data import checks, cifar


@pytest.fixture(scope="module")
def recorded():
    return golden.case("gpq/prepare_data")


def write_batches(folder, count=4, changes=None):
    """Six batches of `count` images, numbered through by their first red pixel."""
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(cifar.BATCHES):
        rows = np.zeros((count, 3072), np.uint8)
        rows[:, 0] = number * count + np.arange(count)
        rows[:, 1024] = 100  # green
        rows[:, 2048] = 200  # blue
        labels = [(number * count + place) % 10 for place in range(count)]
        batch = {b"data": rows, b"labels": labels} | (changes or {})
        (folder / name).write_bytes(pickle.dumps(batch))
    return folder


PARTS = ("source", "target", "query")


@pytest.mark.parametrize("order, prefix", [(None, "out_stable_"), ("in_argidx", "out_")])
def test_the_split_equals_the_original(recorded, order, prefix):
    found = cifar.gpq_split(recorded["in_labels"], recorded[order] if order else None)
    for name, positions in zip(PARTS, found):
        np.testing.assert_array_equal(positions, recorded[prefix + name])


def test_the_split_has_the_original_checksums(recorded):
    found = cifar.gpq_split(recorded["in_labels"], recorded["in_argidx"])
    for name, positions in zip(PARTS, found):
        checksum = hashlib.sha256(positions.astype("<i4").tobytes()).hexdigest()
        assert checksum == str(recorded[f"out_{name}_sha256"])


def test_a_smaller_set_is_split_by_the_same_rule():
    labelled, unlabelled, query = cifar.gpq_split(np.arange(600) % 10)
    assert [len(labelled), len(unlabelled), len(query)] == [50, 540, 10]
    assert sorted([*labelled, *unlabelled, *query]) == list(range(600))


def test_a_tiny_set_has_a_labelled_image_of_each_class():
    labels = np.arange(60) % 10
    labelled, _, _ = cifar.gpq_split(labels)
    assert labels[labelled].tolist() == list(range(10))


def test_an_order_that_is_no_permutation_is_refused():
    with pytest.raises(ValueError, match="from 0 to 59 once. Received: 60 positions, 1 of them"):
        cifar.gpq_split(np.arange(60) % 10, np.zeros(60, int))


def test_an_order_that_does_not_sort_is_refused():
    with pytest.raises(ValueError, match="`order` to sort"):
        cifar.gpq_split(np.arange(60) % 10, np.arange(60))


@pytest.mark.parametrize("values", [np.zeros((2, 2), np.int64), np.ones(3), np.array(["a"])])
def test_a_file_of_something_else_than_positions_is_refused(tmp_path, values):
    np.save(tmp_path / "order.npy", values)
    with pytest.raises(ValueError, match="Expected positions in .*order.npy"):
        cifar.read_order(tmp_path / "order.npy")


def test_an_order_is_read(tmp_path):
    np.save(tmp_path / "order.npy", np.arange(3, dtype=np.uint8))
    assert cifar.read_order(tmp_path / "order.npy").tolist() == [0, 1, 2]


def test_the_database_is_what_gives_no_labels_to_training(tmp_path):
    pixels, labels = cifar.read_pickles(write_batches(tmp_path, 100))
    found = cifar.of_arrays("cifar10", pixels, labels)
    checks.check(found)
    unlabelled = found.train.index[~found.train.labelled]
    np.testing.assert_array_equal(found.database.index, unlabelled)


def test_images_can_be_resized(tmp_path):
    pixels, labels = cifar.read_pickles(write_batches(tmp_path, 10))
    found = cifar.of_arrays("cifar10", pixels, labels, (16, 24))
    assert found.query.read([0]).shape == (1, 16, 24, 3)


def test_planes_become_rgb_in_the_order_of_the_batches(tmp_path):
    pixels, labels = cifar.read_pickles(write_batches(tmp_path))
    np.testing.assert_array_equal(pixels[:, 0, 0, 0], np.arange(24))
    np.testing.assert_array_equal(pixels[5, 0, 0], [5, 100, 200])
    np.testing.assert_array_equal(labels, np.arange(24) % 10)


def test_pixels_keep_their_rows_and_columns(recorded):
    rows = recorded["in_first_images"]
    assert rows.shape == (8, 3072)
    pixels = cifar.pixels_of(rows)
    assert pixels[3, 2, 5, 1] == rows[3, 1024 + 2 * 32 + 5]


def test_the_folder_of_the_published_archive_is_found(tmp_path):
    write_batches(tmp_path / cifar.SUBFOLDER)
    assert len(cifar.read_pickles(tmp_path)[0]) == 24


def test_no_pickles_is_an_error_with_both_places(tmp_path):
    with pytest.raises(ValueError, match=r"data_batch_1 to data_batch_5.*cifar-10-batches-py"):
        cifar.read_pickles(tmp_path)


def test_a_missing_batch_is_named(tmp_path):
    (write_batches(tmp_path) / "data_batch_3").unlink()
    with pytest.raises(ValueError, match="data_batch_3` is missing"):
        cifar.read_pickles(tmp_path)


def test_a_truncated_batch_is_named(tmp_path):
    path = write_batches(tmp_path) / "data_batch_2"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="data_batch_2.*truncated"):
        cifar.read_pickles(tmp_path)


NEST = [0]
for _ in range(100):
    NEST = [NEST, NEST]  # 2**100 numbers, of which NumPy would make an array


@pytest.mark.parametrize(
    "changes, message",
    [
        ({b"data": np.zeros((4, 3000), np.uint8)}, r"data_batch_1.*uint8 \[4, 3000\]"),
        ({b"data": np.zeros((4, 3072))}, r"data_batch_1.*float64 \[4, 3072\]"),
        ({b"labels": [1, 2]}, r"data_batch_1.*labels int64 \[2\]"),
        ({b"labels": [1, 2, 3, 10]}, "data_batch_1.*0 to 9.*1 to 10"),
        ({b"labels": [[1], [2, 3], 4, 5]}, "data_batch_1"),
        ({b"labels": NEST, b"data": NEST}, r"data_batch_1.*data object \[\], labels object \[\]"),
        ({b"labels": np.ones((2, 2), int)}, r"data_batch_1.*labels int64 \[2, 2\]"),
    ],
    ids=["width", "dtype", "count", "range", "ragged", "nest", "sides"],
)
def test_a_batch_of_another_shape_is_named(tmp_path, changes, message):
    write_batches(tmp_path, changes=changes)
    with pytest.raises(ValueError, match=message):
        cifar.read_pickles(tmp_path)


def test_a_pickle_without_labels_is_named(tmp_path):
    (write_batches(tmp_path) / "test_batch").write_bytes(pickle.dumps({b"data": [1]}))
    with pytest.raises(ValueError, match="test_batch.*data and labels"):
        cifar.read_pickles(tmp_path)


def test_the_real_images_are_read_and_split(tmp_path):
    script = runpy.run_path(str(golden.shared("data/cifar10.py")))
    script["write_pickle"](script["Archive"](), str(tmp_path), seed=0, limit=600)
    pixels, labels = cifar.read_pickles(tmp_path)
    found = cifar.of_arrays("cifar10", pixels, labels)
    checks.check(found)
    assert [len(part) for part in found.parts().values()] == [590, 10, 540]
    assert 100 < pixels.mean() < 140
