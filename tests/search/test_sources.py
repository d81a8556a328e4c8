"""What is searched in: folders, lists, and databases of datasets."""

import os

import numpy as np
import pytest

from tests import examples
from tests.data import photos
from tests.search import small
from tfhash import data
from tfhash.search import sources


@pytest.fixture
def folder(tmp_path):
    """Images at three depths."""
    return small.write(tmp_path / "photos", a=1, sub__b=2, sub__deep__c=3)


def test_the_names_of_a_folder_begin_below_it(folder):
    source = sources.of_images(folder)
    assert source.names == ("a.png", "sub/b.png", "sub/deep/c.png")
    assert source.root == source.base == str(folder)


def test_a_folder_is_the_same_however_it_is_given(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert sources.of_images("photos/").root == str(folder)


def test_a_stamp_is_size_and_time(folder):
    os.utime(folder / "a.png", ns=(1, 12345678901234567))
    (folder / "sub/b.png").unlink()
    source = sources.Files(str(folder), str(folder), ("a.png", "sub/b.png"))
    size = (folder / "a.png").stat().st_size
    assert list(source.stamps()) == [(size, 12345678901234567), (-1, -1)]


def test_files_that_can_not_be_read_are_black_and_noted(folder):
    photos.write(folder / "b.png", b"no image")
    part = sources.of_images(folder).part([0, 1, 2], (16, 16))
    np.testing.assert_array_equal(part.read(np.arange(3))[:, 0, 0, 0], [1, 0, 2])
    assert part.images.unread == {1}


def test_what_is_resized_notes_the_same_files(folder):
    photos.write(folder / "a.png", b"no image")
    part = examples.model("gpq").resized(sources.of_images(folder).part([0, 1], (8, 8)))
    part.read(np.arange(2))
    assert part.images.unread == {0}


# ---- lists


def test_a_list_has_its_files_in_their_order_each_once(folder):
    (folder / "x.txt").write_text("sub/b.png\na.png\n\n./a.png\nsub/deep/c.png\n")
    source = sources.of_images(folder / "x.txt")
    assert source.names == ("sub/b.png", "a.png", "sub/deep/c.png")
    assert source.root == str(folder / "x.txt") and source.base == str(folder)


@pytest.mark.parametrize("labels", ["0 1 0", "7", "\t1\t0"])
def test_labels_behind_a_path_are_passed_over(folder, labels):
    (folder / "x.txt").write_text(f"a.png {labels}\nsub/b.png {labels}\n")
    assert sources.of_images(folder / "x.txt").names == ("a.png", "sub/b.png")


def test_a_name_that_ends_like_labels_is_a_name(tmp_path):
    photos.write(tmp_path / "photo.png 1")
    photos.write(tmp_path / "photo 1.png")
    (tmp_path / "x.txt").write_text("photo 1.png\n")
    assert sources.of_images(tmp_path / "x.txt").names == ("photo 1.png",)


def test_paths_may_begin_at_the_current_folder_or_be_absolute(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    (tmp_path / "x.txt").write_text("a.png\nsub/b.png\n")
    names = sources.of_images(tmp_path / "x.txt").names
    assert names == ("photos/a.png", "photos/sub/b.png")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/y.txt").write_text(f"{folder}/a.png\n")
    assert sources.of_images(tmp_path / "lists/y.txt").names == (f"{folder}/a.png",)


def test_a_list_counts_what_is_no_image(folder):
    (folder / "x.txt").write_text("a.png\nnotes.txt\nmore.TXT\na.png\n")
    lines = sources.of_images(folder / "x.txt").listing.lines()
    assert lines[0] == "left out: 2 .txt" and lines[1].startswith("counted once: 1 ")


# ---- databases


def test_a_database_in_memory_is_told_by_its_pixels():
    part = examples.splits().database
    source = sources.of_database("patterns", part)
    assert source.root == "dataset:patterns" and source.names[:2] == ("#0", "#1")
    stamps = list(source.stamps())
    assert len(set(stamps)) == len(stamps) == len(part)
    np.testing.assert_array_equal(source.image("#3"), part.images.original(3))
    assert source.part([2, 5], None).index.tolist() == [2, 5]
    with pytest.raises(ValueError, match="no '#999'"):
        source.image("#999")


def test_a_database_of_files_is_searched_by_their_paths(folder):
    pool = data.FileImages(tuple(str(folder / name) for name in ("a.png", "sub/b.png")), (8, 8))
    part = data.Split(pool, np.array([1, 0, 1]), np.ones((3, 1), np.uint8), np.ones(3, bool))
    source = sources.of_database("mine", part)
    assert source.names == (str(folder / "sub/b.png"), str(folder / "a.png"))
    assert source.name_of(folder / "a.png") in source.names


# ---- what is refused


def test_no_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match="folder of images at `.*nowhere`. There is none"):
        sources.of_images(tmp_path / "nowhere")


def test_a_folder_without_an_image_says_what_there_is(tmp_path):
    photos.write(tmp_path / "a.txt")
    with pytest.raises(ValueError, match=r"images in `.*`. There is none \(left out: 1 .txt\)"):
        sources.of_images(tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="images in `.*`. There is none.$"):
        sources.of_images(tmp_path)


def test_an_image_in_place_of_a_list_is_refused(folder):
    with pytest.raises(ValueError, match="a text file of paths. Received: the image `.*a.png`"):
        sources.of_images(folder / "a.png")
