import logging
import pathlib

import numpy as np
import pytest

from tests.data import photos
from tfhash import data
from tfhash.data import checks, decoding, folders, splits


@pytest.fixture
def folder(tmp_path):
    """80 photos of two classes."""
    for number in range(80):
        photos.write(tmp_path / "ab"[number % 2] / f"{number:02}.jpg", photos.encode(".jpg"))
    return tmp_path


def damage(folder, *numbers):
    """Truncates some of the photos; returns their paths."""
    paths = [folder / "ab"[number % 2] / f"{number:02}.jpg" for number in numbers]
    for path in paths:
        path.write_bytes(path.read_bytes()[:-40])
    return sorted(map(str, paths))


def names(part):
    return [part.name(position) for position in range(len(part))]


def test_all_bad_files_are_listed(folder):
    loaded = folders.load(folder)
    assert data.unreadable(loaded) == ()
    bad = damage(folder, 3, 8, 50)
    (folder / "a/30.jpg").unlink()
    assert list(data.unreadable(loaded)) == sorted([*bad, str(folder / "a/30.jpg")])


def test_without_leave_to_skip_them_bad_files_are_an_error_with_the_first_five(folder):
    bad = damage(folder, *range(0, 70, 10))
    with pytest.raises(ValueError) as caught:
        folders.load(folder).readable(skip=False)
    message = str(caught.value)
    assert "7 can't be: " + ", ".join(bad[:5]) + " and 2 more. Use --skip_bad_images" in message


def test_bad_files_are_left_out_of_every_part_and_named(folder):
    loaded = folders.load(folder)
    bad = damage(folder, *range(0, 80, 4))
    kept = loaded.readable()
    assert list(kept.left_out) == bad
    for name, part in loaded.parts().items():
        left = [path for path in names(part) if path not in bad]
        assert names(kept.parts()[name]) == left and len(left) < len(part)
    checks.check(kept)
    assert "  left out: 20 images that can't be read" in checks.summary(kept)


def test_good_files_are_all_kept(folder):
    loaded = folders.load(folder)
    assert loaded.readable() is loaded and loaded.readable(skip=False) is loaded


def test_progress_is_told_up_to_the_number_of_files(folder):
    told = []
    data.unreadable(folders.load(folder), progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (80, 80) and len(told) > 1
    assert [done for done, _ in told] == sorted({done for done, _ in told})


def test_progress_goes_to_the_log_from_time_to_time(folder, caplog, monkeypatch):
    caplog.set_level(logging.INFO, logger="tfhash")
    data.unreadable(folders.load(folder))
    assert not caplog.messages
    monkeypatch.setattr(splits, "LOG_SECONDS", 0)
    data.unreadable(folders.load(folder))
    assert caplog.messages[-1] == "checked 80 of 80 image files"


def test_images_that_memory_holds_are_decoded_once(folder, monkeypatch):
    loaded = folders.load(folder).cached(2**20).readable()
    monkeypatch.setattr(decoding, "decode", lambda *_, **__: pytest.fail("decoded again"))
    assert loaded.database.read(np.arange(len(loaded.database))).shape == (72, 32, 32, 3)


def test_images_beyond_the_memory_are_checked_all_the_same(folder):
    bad = damage(folder, 78, 79)
    assert list(data.unreadable(folders.load(folder).cached(5 * 32 * 32 * 3))) == bad


def test_images_in_memory_are_all_readable():
    assert data.unreadable(data.load("digits", data_dir="."), lambda *_: None) == ()


def test_files_as_stored_stay_so_when_others_are_left_out(folder):
    jpeg = photos.with_orientation(photos.encode(".jpg"), 6)
    for path in pathlib.Path(folder).rglob("*.jpg"):
        path.write_bytes(jpeg)
    damage(folder, 1)
    loaded = folders.load(folder)
    assert loaded.query.images.original(0).shape == (32, 24, 3)
    stored = loaded.oriented(upright=False).readable()
    assert stored.query.images.original(0).shape == (24, 32, 3)
    assert stored.query.images is stored.train.images
