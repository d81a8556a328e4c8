import http.server
import sys
import threading
import time

import numpy as np
import pytest

from tfhash.data import checks, tfds


def prepare(folder, name, *, counts, shape=(6, 6, 3), sizes=(6,), classes=3, ids=False):
    """A prepared TFDS set; image `i` of all parts has the value `i` and the class `i % classes`.

    With `ids` as CIFAR's examples have them: their numbers in a part.
    """
    builders = pytest.importorskip("tensorflow_datasets")

    def example(number, place):
        side = sizes[number % len(sizes)]
        image = np.full((side, side, shape[2]), number % 256, np.uint8)
        named = {"id": f"train_{place:05}"} if ids else {}
        return number, {"image": image, "label": number % classes} | named

    starts = np.cumsum([0, *counts.values()]).tolist()
    builders.dataset_builders.store_as_tfds_dataset(
        name,
        version="1.0.0",
        features=builders.features.FeaturesDict(
            {
                "image": builders.features.Image(shape=shape),
                "label": builders.features.ClassLabel(names=[f"c{n}" for n in range(classes)]),
            }
            | ({"id": builders.features.Text()} if ids else {})
        ),
        split_datasets={
            part: [example(start + place, place) for place in range(count)]
            for (part, count), start in zip(counts.items(), starts)
        },
        data_dir=folder,
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    prepare(folder, "shapes", counts={"train": 40, "test": 8})
    prepare(folder, "greys", counts={"train": 30, "validation": 6}, shape=(6, 6, 1))
    prepare(folder, "mixed", counts={"train": 30}, shape=(None, None, 3), sizes=(4, 9))
    cifar = {"counts": {"train": 100, "test": 20}, "shape": (32, 32, 3), "sizes": (32,)}
    prepare(folder, "cifar10", classes=10, **cifar)
    prepare(folder / "numbered", "cifar10", classes=10, ids=True, **cifar)
    prepare(folder / "numbered", "cifar100", classes=10, ids=True, **cifar)
    return folder


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A data_dir without files, and TFDS' own folder beside it."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "own"))
    return tmp_path / "data"


def values(part):
    return part.read(np.arange(len(part)))[:, 0, 0, 0].tolist()


def test_train_is_the_database_and_test_the_queries(store):
    found = tfds.load("shapes", store)
    checks.check(found)
    assert sorted(values(found.database)) == list(range(40))
    assert sorted(values(found.query)) == list(range(40, 48))
    assert found.classes == ("c0", "c1", "c2")


def test_images_keep_their_labels(store):
    part = tfds.load("shapes", store).database
    assert part.labels.argmax(axis=1).tolist() == [value % 3 for value in values(part)]


def test_the_order_is_the_same_each_time(store):
    one, other = (values(tfds.load("shapes", store, seed=s).database) for s in (0, 1))
    assert one == other


def test_half_of_a_small_set_is_labelled_by_seed(store):
    known = [tfds.load("shapes", store, seed=s).train for s in (0, 0, 1)]
    one, same, other = (sorted(part.index[part.labelled].tolist()) for part in known)
    assert len(one) == 20 and one == same != other


def test_grey_images_become_rgb_and_validation_serves_as_queries(store):
    found = tfds.load("greys", store)
    assert found.query.read([0]).shape == (1, 6, 6, 3) and len(found.query) == 6


def test_without_another_part_a_tenth_are_queries(store):
    found = tfds.load("mixed", store, (8, 8))
    checks.check(found)
    assert [len(part) for part in found.parts().values()] == [27, 3, 27]
    assert found.query.images.shape == (8, 8, 3)


def test_images_of_many_sizes_need_a_size(store):
    with pytest.raises(ValueError, match="mixed/1.0.0. They differ.*--image_size"):
        tfds.load("mixed", store)


def test_cifar10_is_pooled_and_split_as_gpq_does(store):
    found = tfds.load_cifar10(store)
    checks.check(found)
    assert [len(part) for part in found.parts().values()] == [118, 2, 108]
    assert sorted(found.query.images.pixels[:, 0, 0, 0]) == list(range(120))


def test_cifar10_comes_in_the_order_of_the_pickles_by_its_ids(store):
    """TFDS' own order is another one: without ids it is kept, and a note says so."""
    ordered, stored = (tfds.load_cifar10(folder) for folder in (store / "numbered", store))
    assert ordered.query.images.pixels[:, 0, 0, 0].tolist() == list(range(120))
    assert stored.query.images.pixels[:, 0, 0, 0].tolist() != list(range(120))
    assert not ordered.notes and "no ids" in stored.notes[0]


def test_the_labels_are_ordered_with_the_images(store):
    database = tfds.load_cifar10(store / "numbered").database
    assert database.labels.argmax(axis=1).tolist() == [value % 10 for value in values(database)]


def test_cifar100_comes_in_the_order_of_the_pickles_too(store):
    pixels, labels, trained, _ = tfds.train_and_test("cifar100", store / "numbered")
    assert pixels[:, 0, 0, 0].tolist() == list(range(120)) and trained == 100
    assert labels.tolist() == [number % 10 for number in range(120)]


def test_another_folder_than_the_one_asked_for_is_not_looked_into(store, elsewhere, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(store))
    assert tfds.prepared("shapes", elsewhere, inside=True) is None
    assert tfds.prepared("shapes", store, inside=True) == str(store / "shapes" / "1.0.0")


def test_the_newest_prepared_version_is_found(tmp_path):
    for version in ("1.9.0", "1.10.0", "2.0.0"):
        (tmp_path / "shapes" / version).mkdir(parents=True)
    for version in ("1.9.0", "1.10.0"):
        (tmp_path / "shapes" / version / "dataset_info.json").touch()
    assert tfds.prepared("shapes", tmp_path) == str(tmp_path / "shapes" / "1.10.0")
    assert tfds.prepared("shapes:1.9.*", tmp_path) == str(tmp_path / "shapes" / "1.9.0")


def test_an_unfinished_copy_is_not_taken(elsewhere):
    (elsewhere / "shapes" / "1.0.0.incompleteAB").mkdir(parents=True)
    (elsewhere / "shapes" / "1.0.0.incompleteAB" / "dataset_info.json").touch()
    assert tfds.prepared("shapes", elsewhere) is None


def test_the_own_folder_of_tfds_is_looked_into(store, elsewhere, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(store))
    assert tfds.prepared("shapes", elsewhere) == str(store / "shapes" / "1.0.0")


def test_a_damaged_copy_is_an_error_with_its_folder(tmp_path):
    prepare(tmp_path, "shapes", counts={"train": 20, "test": 5})
    path = next(tmp_path.glob("shapes/1.0.0/*train.tfrecord*"))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"shapes/1\.0\.0 is damaged"):
        tfds.load("shapes", tmp_path)


def test_an_unknown_name_is_an_error(elsewhere):
    with pytest.raises(ValueError, match="Received: 'no_such_set'.*not found"):
        tfds.load("no_such_set", elsewhere)


def test_without_a_network_the_error_tells_the_ways_out(elsewhere, monkeypatch):
    monkeypatch.setattr(tfds, "_unreachable", lambda url: f"{url}: no network")
    with pytest.raises(ValueError) as caught:
        tfds.load_cifar10(elsewhere)
    for text in (str(elsewhere), "own", "no network", "cifar-10-python.tar.gz", "--dataset=digits"):
        assert text in str(caught.value)


def test_a_failed_download_tells_its_cause_and_the_ways_out(tmp_path, monkeypatch):
    builders = pytest.importorskip("tensorflow_datasets")

    def fail(self, **options):
        raise OSError("the disk is full")

    monkeypatch.setattr(tfds, "_unreachable", lambda url: None)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(builders.core.DatasetBuilder, "download_and_prepare", fail)
    with pytest.raises(ValueError, match="'mnist'.*OSError: the disk is full.*mnist/3.0.1"):
        tfds.load("mnist", tmp_path)


def test_without_tfds_the_error_gives_the_pip_command(elsewhere, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match="pip install tensorflow-datasets"):
        tfds.load("shapes", elsewhere)


def test_a_set_without_images_is_an_error_before_it_is_downloaded(elsewhere):
    with pytest.raises(ValueError, match="images with a class each. imdb_reviews"):
        tfds.load("imdb_reviews", elsewhere)


class Answer(http.server.BaseHTTPRequestHandler):
    """Answers with the status in the path, after a second where the path ends with slow."""

    def do_HEAD(self):
        _, status, *slow = self.path.split("/")
        time.sleep(1 if slow else 0)
        self.send_response(int(status))
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [200, 403, 404])
def test_a_server_that_answers_is_asked_for_the_data(server, status):
    assert tfds._unreachable(f"{server}/{status}") is None


def test_a_server_in_trouble_is_not(server):
    assert "answers 503" in tfds._unreachable(f"{server}/503")


def test_a_server_that_refuses_is_not(server):
    assert "refused" in tfds._unreachable("http://127.0.0.1:9/")


def test_a_silent_server_is_not_waited_for(server, monkeypatch):
    monkeypatch.setattr(tfds, "PROBE_SECONDS", 0.2)
    started = time.monotonic()
    assert "0.2 seconds" in tfds._unreachable(f"{server}/200/slow")
    assert time.monotonic() - started < 0.9
