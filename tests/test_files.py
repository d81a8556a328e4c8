import os

import pytest

from tfhash import checks, files


def test_a_file_is_opened(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    with files.opened(tmp_path / "a", "a file") as file:
        assert file.read() == b"content"


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="Expected an image at .*pipe`. It is a pipe or a device"):
        files.opened(tmp_path / "pipe", "an image")


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null"])
def test_a_device_is_refused(path):
    with pytest.raises(ValueError, match=f"{path}`. It is a pipe or a device"):
        files.opened(path, "an image")


@pytest.mark.parametrize("name, reason", [("gone", "No such file"), (".", "Is a directory")])
def test_what_cannot_be_read_is_named(tmp_path, name, reason):
    with pytest.raises(ValueError, match=f"`{tmp_path / name}`. It can't be read: {reason}"):
        files.opened(tmp_path / name, "an image")


@pytest.mark.parametrize(
    "message, line",
    [
        ("one\n  two\t\x1b[31mthree", "one two ?[31mthree"),
        (ValueError(), "ValueError"),
        ("a" * 300, "a" * 197 + "..."),
    ],
)
def test_a_message_is_quoted_in_one_line(message, line):
    assert checks.brief(message) == line
