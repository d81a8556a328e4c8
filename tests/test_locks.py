"""One writer at a time: the lock of a folder, and what becomes of its file."""

import fcntl
import os
import signal
import subprocess
import sys

import pytest

from tests import golden
from tfhash import locks

WAITS = """
import sys
from tfhash import locks
with locks.held(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock of `m` until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS, tmp_path / "m"],
        cwd=golden.REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_second_process_is_told_which_one_has_the_lock(tmp_path, holder):
    with pytest.raises(ValueError, match=f"m` is written by .*process {holder.pid} on"):
        with locks.held(tmp_path / "m"):
            pass


def test_a_link_to_the_folder_has_the_same_lock(tmp_path, holder):
    (tmp_path / "m").mkdir()
    (tmp_path / "link").symlink_to("m")
    with pytest.raises(ValueError, match="m` is written by another process"):
        with locks.held(tmp_path / "link"):
            pass


def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert names(tmp_path) == [".m.lock"]
    with locks.held(tmp_path / "m"):
        pass
    assert names(tmp_path) == []


def test_another_folder_has_another_lock(tmp_path, holder):
    with locks.held(tmp_path / "n"):
        assert names(tmp_path) == [".m.lock", ".n.lock"]


def test_the_lock_is_given_back_after_an_error(tmp_path):
    with pytest.raises(KeyError), locks.held(tmp_path / "m"):
        raise KeyError
    with locks.held(tmp_path / "m"):
        pass


def test_the_folders_that_were_made_for_it_are_removed_if_they_stay_empty(tmp_path):
    with locks.held(tmp_path / "a" / "b" / "m"):
        pass
    assert names(tmp_path) == []
    with locks.held(tmp_path / "a" / "b" / "m"):
        (tmp_path / "a" / "file").write_text("")
    assert names(tmp_path / "a") == ["file"]


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    (tmp_path / ".m.lock").symlink_to("thesis.tex")
    with pytest.raises(OSError), locks.held(tmp_path / "m"):
        pass
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_lock_whose_file_was_removed_meanwhile_is_taken_again(tmp_path, monkeypatch):
    """Another process ends, and removes its file, between the opening and the locking here."""
    calls = []

    def flock(handle, kind):
        calls.append(os.fstat(handle).st_ino)
        if len(calls) == 1:
            (tmp_path / ".m.lock").unlink()
            (tmp_path / ".m.lock").write_text("of a third one")

    monkeypatch.setattr(fcntl, "flock", flock)
    with locks.held(tmp_path / "m"):
        assert calls[-1] == (tmp_path / ".m.lock").stat().st_ino and len(calls) == 2


def test_a_file_system_without_locks_is_noted(tmp_path, monkeypatch, caplog):
    def flock(handle, kind):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", flock)
    with locks.held(tmp_path / "m"):
        assert "m.lock` can't be locked here" in caplog.text
