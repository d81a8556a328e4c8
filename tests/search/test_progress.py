"""How far a long work is, in words."""

import io

import pytest

from tfhash.search import progress


@pytest.mark.parametrize(
    "seconds, text",
    [(3.2, "3 s"), (99, "99 s"), (150, "2 min"), (7500, "2 h 05 min"), (float("inf"), "some time")],
)
def test_times_are_short(seconds, text):
    assert progress.duration(seconds) == text


def test_a_line_has_images_a_second_and_the_time_left():
    assert progress.line(1200, 5780, 100.0) == "1200 of 5780 images, 100/s, 46 s left"


def test_a_terminal_shows_a_bar_that_fills(monkeypatch):
    monkeypatch.setattr(progress, "SHOWN", 0)
    stream = io.StringIO()
    show = progress.Progress(4, stream)
    show(2)
    show(4)
    half, full = stream.getvalue().split("\r")[1:]
    assert half.startswith("[" + "=" * 15 + " " * 15 + "] 2 of 4 images, ")
    assert full.startswith("[" + "=" * 30 + "] 4 of 4 images, ") and full.endswith("\n")


def test_elsewhere_there_is_a_line_from_time_to_time(monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(progress, "LOGGED", 0)
    show = progress.Progress(4)
    monkeypatch.setattr(show, "_stream", None)
    show(2)
    assert "indexed 2 of 4 images, " in caplog.text


def test_what_is_quick_shows_nothing_but_its_end():
    stream = io.StringIO()
    show = progress.Progress(4, stream)
    show(1)
    show(2)
    assert stream.getvalue() == ""
