"""A search from its settings to its lines and its picture."""

import contextlib
import json
import os
import threading

import cv2
import pytest

from tests.search import small
from tfhash.search import picture, searching
from tfhash.search.settings import Search


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Four images, in a folder in which the test runs."""
    monkeypatch.chdir(tmp_path)
    return small.write(tmp_path / "photos", a=1, b=4, sub__c=9, d=13)


@contextlib.contextmanager
def started(folder, **asked):
    with contextlib.closing(small.session(folder, **asked)) as made:
        yield made


def test_a_page_searches_exactly_until_its_approximate_index_is_there(folder, monkeypatch):
    monkeypatch.setattr(searching, "MANY", 4)
    may_go_on, fitted = threading.Event(), searching.fitting

    def slow(codes, approximate=None):
        if approximate is None:
            assert may_go_on.wait(60)
        return fitted(codes, approximate)

    monkeypatch.setattr(searching, "fitting", slow)
    with started(folder, serve="8000", top=2) as session:
        exact = session.searcher.index
        before = list(session.lines(session.find(["photos/b.png"])))
        may_go_on.set()
        session._fitting.join()
        assert session.searcher.index is not exact
        assert list(session.lines(session.find(["photos/b.png"]))) == before


def test_lines_have_rank_distance_and_path_from_here_on(folder):
    small.write(folder.parent, new=5)
    with started(folder, top=2) as session:
        lines = list(session.lines(session.find(["new.png"])))
    assert lines == ["new.png", "    1         1  photos/b.png", "    2         4  photos/a.png"]


def test_a_query_that_is_in_the_index_is_marked(folder):
    with started(folder, top=2) as session:
        lines = list(session.lines(session.find(["photos/sub/c.png"])))
    assert lines[0] == "photos/sub/c.png, which is in the index"
    assert lines[1] == "    1         0  photos/sub/c.png  (the query)"
    assert "(the query)" not in lines[2]


def test_a_query_that_has_changed_since_is_not_marked(folder):
    with started(folder) as session:
        os.utime(folder / "a.png", ns=(1, 1))
        assert session.find(["photos/a.png"])[0].number is None


def test_json_lines_are_of_each_query(folder):
    small.write(folder.parent, new=5)
    with started(folder, top=1) as session:
        found = session.find(["new.png", "photos/d.png"])
        first, second = map(json.loads, session.json_lines(found))
    answer = {"rank": 1, "distance": 1, "path": "photos/b.png", "number": 2, "is_query": False}
    assert first == {"query": "new.png", "in_index": False, "answers": [answer]}
    assert second["in_index"] and second["answers"][0]["is_query"]


def test_distances_of_outputs_have_decimals(folder):
    small.write(folder.parent, new=5)
    with started(folder, top=1, rerank="outputs") as session:
        assert list(session.lines(session.find(["new.png"])))[1] == "    1    1.0000  photos/b.png"


def test_too_many_answers_are_cut_with_a_line(folder, caplog):
    caplog.set_level("INFO")
    with started(folder, top=5) as session:
        assert len(session.find(["photos/a.png"])[0].answers) == 4
    assert "The index holds 4 images: --top is cut to that." in caplog.text


def test_an_index_is_searched_without_its_images(folder, tmp_path):
    with started(folder):
        pass
    (folder / "d.png").unlink()
    with started(folder, images="", query=("x",)) as session:
        assert len(session.searcher) == 4
        assert [one.name for one in session.find(["photos/a.png"])[0].answers][0] == "a.png"
        session.draw(session.find(["photos/a.png"]))  # with an image that has gone


def test_the_picture_has_a_row_for_each_query(folder):
    with started(folder, top=3, picture="found.png") as session:
        assert str(session.draw(session.find(["photos/a.png", "photos/b.png"]))) == "found.png"
    one = cv2.imread("found.png")
    with started(folder, top=3) as session:
        path = session.draw(session.find(["photos/a.png"]))
    assert str(path) == f"{folder}-index/search.png"
    assert one.shape[0] > 1.5 * cv2.imread(str(path)).shape[0]
    assert one.shape[1] == cv2.imread(str(path)).shape[1]


def test_an_image_keeps_its_form_in_the_picture():
    tall = picture.squared(small.plain(9)[:, :4])
    middle = picture.SIDE // 2
    assert (tall[:, middle] == 9).all() and (tall[middle, : picture.SIDE // 4] == 235).all()


@pytest.mark.parametrize(
    "path, name",
    [("a/b.jpg", "b.jpg"), ("some_quite_long_name.jpg", "some_quit…g_name.jpg"), ("$x$", r"\$x\$")],
)
def test_names_are_short_in_the_picture(path, name):
    assert picture.short(path) == name


@pytest.mark.parametrize(
    "asked, words",
    [
        ({}, "--query, --images or --serve"),
        ({"query": ("a",), "approximate": True, "exact": True}, "Received both"),
        ({"query": ("a",), "top": 0}, "`top` >= 1"),
        ({"serve": "http"}, "a port"),
        ({"serve": "70000"}, "a port"),
        ({"query": ("a",), "rerank": "codes"}, "`rerank`"),
    ],
)
def test_settings_that_do_not_fit_are_refused(asked, words):
    with pytest.raises(ValueError, match=words):
        Search(**asked)
