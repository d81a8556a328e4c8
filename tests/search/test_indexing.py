"""What an update of an index encodes, drops, leaves out, and leaves behind."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from tests.data import photos
from tests.search import small
from tfhash import locks
from tfhash.retrieval.binary import BinaryCodes
from tfhash.search import errors, store


@pytest.fixture
def folder(tmp_path):
    """Three images."""
    return small.write(tmp_path / "photos", a=1, b=2, sub__c=3)


@pytest.fixture
def path(tmp_path):
    """Where the index is made."""
    return tmp_path / "index"


def held(path):
    """`{name: number of ones in its code}` of an index."""
    with contextlib.closing(store.Store(path)) as index:
        numbers, codes = index.codes()
        names = index.names(numbers)
    return {names[n]: int(ones) for n, ones in zip(numbers, codes.unpack().sum(axis=1))}


def encoded(model, folder):
    """The names of the images that a model was given."""
    return [os.path.relpath(path, folder) for path in model.encoded]


def test_all_images_are_indexed_with_their_codes(path, folder):
    report = small.update(path, folder)
    assert report.lines() == ["indexed 3, unchanged 0"]
    assert held(path) == {"a.png": 1, "b.png": 2, "sub/c.png": 3}


def test_what_is_unchanged_needs_no_model(path, folder):
    small.update(path, folder)
    model = small.Model()
    assert small.update(path, folder, model).lines() == ["indexed 0, unchanged 3"]
    assert not model.used


def test_new_and_changed_images_are_encoded_and_deleted_ones_dropped(path, folder):
    small.update(path, folder)
    small.write(folder, b=7, d=4)
    os.utime(folder / "b.png", ns=(1, 1))
    (folder / "a.png").unlink()
    model = small.Model()
    report = small.update(path, folder, model)
    assert encoded(model, folder) == ["b.png", "d.png"]
    assert report.lines() == ["indexed 2, unchanged 1, dropped 1"]
    assert held(path) == {"sub/c.png": 3, "b.png": 7, "d.png": 4}


def test_an_image_of_the_same_size_is_told_by_its_time(path, folder):
    small.update(path, folder)
    os.utime(folder / "a.png", ns=(5, 5))
    model = small.Model()
    small.update(path, folder, model)
    assert encoded(model, folder) == ["a.png"]


def test_what_is_left_out_is_counted_and_listed(path, folder):
    for name in ("x.txt", "y.TXT", "z.csv", "._a.png"):
        photos.write(folder / name)
    photos.write(folder / "broken.png", b"no image")
    photos.write(folder / "cut.jpg", photos.encode(".jpg")[:200])
    report = small.update(path, folder)
    listed = path / "left_out.txt"
    assert report.lines() == [
        f"indexed 3, unchanged 0, left out: 2 .txt, 1 .csv, 2 unreadable (listed in {listed})"
    ]
    expected = [str(folder / name) for name in ("broken.png", "cut.jpg")]
    assert listed.read_text().splitlines() == expected


def test_files_that_stay_unreadable_need_no_model(path, folder):
    photos.write(folder / "broken.png", b"no image")
    small.update(path, folder)
    model = small.Model()
    assert small.update(path, folder, model).unread == 1 and not model.used


def test_a_file_that_can_be_read_by_now_is_indexed(path, folder):
    photos.write(folder / "broken.png", b"no image")
    small.update(path, folder)
    small.write(folder, broken=9)
    assert small.update(path, folder).lines() == ["indexed 1, unchanged 3"]
    assert held(path)["broken.png"] == 9 and not (path / "left_out.txt").exists()


def test_an_image_that_can_not_be_read_any_more_is_dropped(path, folder):
    small.update(path, folder)
    photos.write(folder / "a.png", b"no image")
    report = small.update(path, folder)
    assert (report.indexed, report.dropped, report.unread) == (0, 1, 1)
    assert "a.png" not in held(path)


def test_outputs_are_kept_once_asked_for_and_from_then_on(path, folder):
    small.update(path, folder)
    model = small.Model()
    small.update(path, folder, model, keep_outputs=True)
    assert len(model.encoded) == 3
    small.write(folder, d=4)
    small.update(path, folder)
    with contextlib.closing(store.Store(path)) as index:
        outputs = index.outputs(index.numbers())
    assert sorted(outputs[:, 0].tolist()) == [1, 2, 3, 4]


def test_a_list_of_images_is_indexed(path, folder):
    (folder / "list.txt").write_text("b.png\nsub/c.png 0 1 0\n\nb.png\n")
    report = small.update(path, folder / "list.txt")
    assert report.lines()[0] == "indexed 2, unchanged 0"
    assert held(path) == {"b.png": 2, "sub/c.png": 3}


# ---- interruptions


def stopping(after):
    """A model that is interrupted when so many batches of one image are stored."""
    left = list(range(after))

    def count():
        left.pop()
        if not left:
            raise KeyboardInterrupt

    return small.Model(batch=1, after=count)


def test_an_interruption_keeps_what_was_done(path, folder, caplog):
    caplog.set_level("INFO")
    with pytest.raises(KeyboardInterrupt):
        small.update(path, folder, stopping(after=2))
    assert "Stopped. 2 images are indexed; the same command goes on." in caplog.text
    assert len(held(path)) == 2
    model = small.Model()
    small.update(path, folder, model)
    assert encoded(model, folder) == ["sub/c.png"] and len(held(path)) == 3


def test_an_error_before_the_first_image_leaves_nothing(path, folder, tmp_path, monkeypatch):
    endless = lambda self, images: np.full((len(images), 2), np.inf)  # noqa: E731
    monkeypatch.setattr(small.Model, "embed_resized", endless)
    with pytest.raises(ValueError, match="finite `outputs`"):
        small.update(path, folder)
    assert os.listdir(tmp_path) == ["photos"]


KILLED_IN_THE_THIRD_BATCH = """
import os, signal, sys
from tests.search import small
from tfhash.search import indexing, records

packed, stored = records.packed, []

def killing(codes):
    for row in packed(codes):
        stored.append(row)
        if len(stored) == 25:
            os.kill(os.getpid(), signal.SIGKILL)
        yield row

records.packed, indexing.SECONDS = killing, 0
small.update(sys.argv[1], sys.argv[2], small.Model(batch=10))
"""


def test_a_process_that_is_killed_leaves_whole_batches(path, tmp_path):
    values = {f"p{number:02}": number % 16 for number in range(40)}
    folder = small.write(tmp_path / "photos", **values)
    root = os.path.join(os.path.dirname(__file__), "..", "..")
    command = [sys.executable, "-c", KILLED_IN_THE_THIRD_BATCH, path, folder]
    assert subprocess.run(command, cwd=root).returncode == -signal.SIGKILL
    assert len(held(path)) == 20
    model = small.Model()
    small.update(path, folder, model)
    assert len(model.encoded) == 20
    assert held(path) == {f"{name}.png": value for name, value in values.items()}


# ---- what is refused


def test_a_second_process_gets_a_clear_error(path, folder):
    with locks.held(path), pytest.raises(ValueError, match="index. is written by another process"):
        small.update(path, folder)
    assert not path.exists()


def test_another_model_is_refused_and_nothing_changes(path, folder):
    small.update(path, folder)
    before = held(path)
    with pytest.raises(ValueError, match="of another model"):
        small.update(path, folder, fingerprint="two")
    assert held(path) == before


def test_other_images_are_refused(path, folder, tmp_path):
    small.update(path, folder)
    with pytest.raises(ValueError, match="Give another --index"):
        small.update(path, small.write(tmp_path / "other", a=1))


def test_codes_of_another_length_are_refused(path, folder, monkeypatch):
    small.update(path, folder)
    small.write(folder, d=4)
    wide = lambda self, outputs: BinaryCodes.from_bits(np.zeros((len(outputs), 70)))  # noqa: E731
    monkeypatch.setattr(small.Head, "indexed", wide)
    with pytest.raises(ValueError, match="other codes than the model's"):
        small.update(path, folder)


def test_no_readable_image_is_refused_and_nothing_left(path, tmp_path):
    photos.write(tmp_path / "photos/a.png", b"none")
    photos.write(tmp_path / "photos/b.jpg", b"none")
    with pytest.raises(ValueError, match="photos`. None of its 2 files can be read"):
        small.update(path, tmp_path / "photos")
    assert os.listdir(tmp_path) == ["photos"]


def test_a_folder_of_other_things_is_not_written_to(folder, tmp_path):
    with pytest.raises(ValueError, match="photos` exists and is not an index"):
        small.update(tmp_path / "photos", folder)
    assert sorted(os.listdir(tmp_path)) == ["photos"]


@pytest.mark.parametrize("times", [1, 2])
def test_what_a_crash_has_left_of_an_index_is_removed(path, folder, times):
    for _ in range(times):
        photos.write(path / ".0123456789abcdef.index.sqlite", b"half of it")
        photos.write(path / ".0123456789abcdef.left_out.txt", b"half of it")
        small.update(path, folder)
    assert sorted(os.listdir(path)) == ["index.sqlite", "kind.npz"]


def test_a_disk_that_is_full_from_the_start_leaves_nothing(path, folder, tmp_path, monkeypatch):
    connect = sqlite3.connect

    def small_disk(*given, **options):
        connection = connect(*given, **options)
        connection.execute("PRAGMA max_page_count = 1")
        return connection

    monkeypatch.setattr(sqlite3, "connect", small_disk)
    with pytest.raises(ValueError, match="no room on the disk"):
        small.update(path, folder)
    assert os.listdir(tmp_path) == ["photos"]


def test_a_full_disk_is_told_from_other_errors_of_files():
    with pytest.raises(ValueError, match="no room on the disk for the index `x`"):
        with errors.plain("x"):
            raise OSError(28, "No space left on device")
    with pytest.raises(PermissionError), errors.plain("x"):
        raise PermissionError(13, "no")
