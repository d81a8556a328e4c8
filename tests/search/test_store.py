"""The files of an index: what they keep, and what a user reads where they are damaged."""

import contextlib
import os
import pathlib
import sqlite3

import numpy as np
import pytest

from tfhash.retrieval import codes
from tfhash.search import store

META = {"fingerprint": "one", "model": "models/one", "root": "/photos", "base": "/photos"}
CODES = codes.BinaryCodes.from_bits(np.eye(5, 48))
NAMES = ["a.jpg", "b/c.jpg", "b/d é.jpg", "[e]*?.jpg", os.fsdecode(b"f\xff.jpg")]
STAMPS = [(size, 10**18 + size) for size in range(5)]


@pytest.fixture
def index(tmp_path):
    """An empty one."""
    store.create(tmp_path, META)
    opened = store.Store(tmp_path)
    yield opened
    opened.close()


def test_images_come_back_with_numbers_from_one(index):
    index.add(NAMES, STAMPS, CODES)
    assert len(index) == 5
    assert index.entry("b/c.jpg") == (2, 1, 10**18 + 1, 0)
    assert index.entry("c.jpg") is None
    numbers, loaded = index.codes()
    assert numbers.tolist() == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(loaded.words, CODES.words)
    assert index.names([5, 2, 9]) == {5: NAMES[4], 2: NAMES[1]}


def test_another_process_reads_what_is_there(index):
    index.add(NAMES, STAMPS, CODES)
    with contextlib.closing(store.Store(index.path)) as other:
        assert other.codes()[0].tolist() == [1, 2, 3, 4, 5] and other.meta["root"] == "/photos"


def test_an_image_that_has_changed_has_a_new_number_that_no_other_had(index):
    index.add(NAMES, STAMPS, CODES)
    index.add(NAMES[4:], STAMPS[4:], CODES[:1])
    index.drop([6])
    index.add(["g.jpg"], [(1, 1)], CODES[1:2])
    assert index.codes()[0].tolist() == [1, 2, 3, 4, 7]
    np.testing.assert_array_equal(index.codes()[1].words[-1], CODES.words[1])


@pytest.mark.parametrize(
    "pattern, numbers",
    [
        ("*", [1, 2, 3, 4, 5]),
        ("b/*", [2, 3]),
        ("?.jpg", [1]),
        ("*c.jpg", [2]),
        ("[[]e*", [4]),
        ("/photos/b/*", [2, 3]),
        ("/other/*", []),
        ("B/*", []),
    ],
)
def test_patterns_are_of_the_path_below_the_folder_or_of_all_of_it(index, pattern, numbers):
    index.add(NAMES, STAMPS, CODES)
    assert index.numbers(pattern).tolist() == numbers


def test_more_numbers_than_a_command_takes_are_asked_for(index, monkeypatch):
    monkeypatch.setattr(store, "ASKED", 2)
    index.add(NAMES, STAMPS, CODES)
    assert list(index.names(range(1, 6)).values()) == NAMES


def test_outputs_are_kept_as_float16_by_their_number(index):
    outputs = np.arange(10, dtype=np.float32).reshape(5, 2) / 3
    index.add(NAMES[:3], STAMPS[:3], CODES[:3])
    index.add(NAMES[3:], STAMPS[3:], CODES[3:], outputs[3:])
    assert index.keeps_outputs()
    expected = outputs[[4, 3]].astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(index.outputs([5, 4]), expected)
    with pytest.raises(ValueError, match="does not keep the outputs of all"):
        index.outputs([4, 3])


def test_outputs_that_float16_does_not_hold_are_refused_and_nothing_is_stored(index):
    with pytest.raises(ValueError, match="under 65504"):
        index.add(NAMES[:1], STAMPS[:1], CODES[:1], np.float32([[1e6]]))
    assert len(index) == 0 and index.entry("a.jpg") is None


def test_codes_of_another_kind_are_refused(index):
    index.add(NAMES, STAMPS, CODES)
    with pytest.raises(ValueError, match="holds other codes than the model's"):
        index.add(["g.jpg"], [(1, 1)], codes.BinaryCodes.from_bits(np.eye(1, 32)))
    assert len(index) == 5


def test_an_error_in_a_batch_leaves_nothing_of_it(index):
    index.add(NAMES[:2], STAMPS[:2], CODES[:2])
    with pytest.raises(ValueError, match="no index, or a damaged one|can't be used"):
        index.add(NAMES[1:3], [(1, 1), (None, None)], CODES[1:3])
    assert index.codes()[0].tolist() == [1, 2]
    assert index.entry(NAMES[1]) == (2, *STAMPS[1], 0)


def test_paths_of_unreadable_files_are_listed_as_they_are(index):
    index.write_left_out(NAMES)
    assert index.left_out() == set(NAMES)
    index.write_left_out([])
    assert index.left_out() == set() and not os.path.exists(index.file(store.LEFT_OUT))


# ---- what is refused


def test_no_index_is_named_with_the_way_out(tmp_path):
    with pytest.raises(ValueError, match="index at `.*nowhere`.*--images"):
        store.Store(tmp_path / "nowhere")


HEADER = b"SQLite format 3\0"


@pytest.mark.parametrize("content", [b"", b"no database at all", HEADER + bytes(2000)])
def test_what_is_no_database_is_refused(tmp_path, content):
    (tmp_path / store.DATABASE).write_bytes(content)
    with pytest.raises(ValueError, match=str(tmp_path)):
        store.Store(tmp_path)


DAMAGED = "damaged one: .*Remove it and index again"


@pytest.fixture
def large(index):
    """The content of the file of an index of 5000 images."""
    names = [f"{number}.jpg" for number in range(5000)]
    index.add(names, STAMPS * 1000, CODES[np.arange(5000) % 5])
    return pathlib.Path(index.file(store.DATABASE))


def test_a_database_that_is_cut_off_is_refused(large):
    large.write_bytes(large.read_bytes()[:30000])
    with pytest.raises(ValueError, match=DAMAGED):
        store.Store(large.parent)


def test_a_database_with_other_bytes_in_its_middle_is_refused(large):
    content = bytearray(large.read_bytes())
    content[len(content) // 3 : len(content) // 2] = b"\xa5" * (len(content) // 6 + 1)
    large.write_bytes(content[: large.stat().st_size])
    with contextlib.closing(store.Store(large.parent)) as damaged:
        with pytest.raises(ValueError, match=DAMAGED):
            damaged.codes()


def test_a_code_of_another_length_is_damage(index):
    index.add(NAMES, STAMPS, CODES)
    index._connection.execute("UPDATE images SET code = x'0102' WHERE number = 3")
    with pytest.raises(ValueError, match="is damaged"):
        index.codes()


def test_a_missing_kind_is_named(index):
    index.add(NAMES, STAMPS, CODES)
    os.remove(index.file(store.KIND))
    with contextlib.closing(store.Store(index.path)) as damaged:
        with pytest.raises(ValueError, match="kind.npz"):
            damaged.codes()


def test_a_newer_format_is_refused(index, tmp_path):
    index._connection.execute("UPDATE meta SET value = '2' WHERE name = 'format'")
    with pytest.raises(ValueError, match="format 2; this version of tfhash reads format 1"):
        store.Store(tmp_path)


def test_another_model_or_another_folder_is_refused(index):
    index.check(fingerprint="one", root="/photos")
    with pytest.raises(ValueError, match="another model than this one: of `models/one`"):
        index.check(fingerprint="two", root="/photos")
    with pytest.raises(ValueError, match="an index of `/photos`. Received: `/other`"):
        index.check(fingerprint="one", root="/other")


def test_a_full_disk_is_one_line_and_leaves_what_was_there(index):
    index.add(NAMES, STAMPS, CODES)
    pages = index._connection.execute("PRAGMA page_count").fetchone()[0]
    index._connection.execute(f"PRAGMA max_page_count = {pages}")
    names = [f"{'x' * 200}{number}.jpg" for number in range(500)]
    many = CODES[np.zeros(500, int)]
    with pytest.raises(ValueError, match="no room on the disk for the index `.*The images that"):
        index.add(names, [(1, 1)] * 500, many)
    assert index.codes()[0].tolist() == [1, 2, 3, 4, 5]
    with contextlib.closing(sqlite3.connect(index.file(store.DATABASE))) as whole:
        assert whole.execute("PRAGMA quick_check").fetchone() == ("ok",)
