"""What a user searches for."""

import pytest

from tests.data import photos
from tests.search import small
from tfhash.search import queries


@pytest.fixture
def inside(tmp_path, monkeypatch):
    """A folder with images, in which the test runs."""
    small.write(tmp_path, a=1, new__b=2, new__c=3)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "words, paths",
    [
        (["a.png"], ["a.png"]),
        (["new"], ["new/b.png", "new/c.png"]),
        (["new/*.png"], ["new/b.png", "new/c.png"]),
        (["**/*.png"], ["a.png", "new/b.png", "new/c.png"]),
        (["new/c.png", "a.png", "new"], ["new/c.png", "a.png", "new/b.png"]),
        ([], []),
    ],
)
def test_files_folders_and_patterns_are_taken_in_their_order(inside, words, paths):
    assert queries.paths_of(words) == paths


def test_a_file_whose_name_is_a_pattern_is_the_file(inside):
    photos.write(inside / "[x].png")
    assert queries.paths_of(["[x].png"]) == ["[x].png"]


def test_a_named_file_that_is_no_image_is_an_error(inside):
    photos.write(inside / "new/bad.png", b"no image")
    with pytest.raises(ValueError, match="an image at `new/bad.png`. Its 8 bytes"):
        queries.paths_of(["a.png", "new/bad.png"])


def test_in_a_folder_such_a_file_is_left_out_with_a_line(inside, caplog):
    caplog.set_level("INFO")
    photos.write(inside / "new/bad.png", b"no image")
    assert queries.paths_of(["new"]) == ["new/b.png", "new/c.png"]
    assert "left out: " in caplog.text and "new/bad.png" in caplog.text


@pytest.mark.parametrize("word", ["nowhere.png", "nowhere/*.png", "empty"])
def test_what_names_no_image_is_an_error(inside, word):
    (inside / "empty").mkdir()
    with pytest.raises(ValueError, match=word.replace("*", r"\*")):
        queries.paths_of([word])
