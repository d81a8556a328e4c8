import os
import secrets

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
    "content, what",
    [
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b"\xef\xbb\xbf\n<html lang=en>", "an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "a Git LFS pointer"),
        (b"PK\3\4" + b"\0" * 30, "zipped"),
        (b"\x1f\x8b\x08", "zipped"),
    ],
)
def test_what_a_download_leaves_in_place_of_a_file_is_named(tmp_path, content, what):
    (tmp_path / "w.mat").write_bytes(content)
    with pytest.raises(ValueError, match=f"Expected a .mat file at .*w.mat`. It is {what}"):
        files.opened(tmp_path / "w.mat", "a .mat file")


def test_an_archive_is_opened_where_it_may_be_one(tmp_path):
    (tmp_path / "w.pth").write_bytes(b"PK\3\4")
    with files.opened(tmp_path / "w.pth", "a .pth file", zipped=True) as file:
        assert file.read() == b"PK\3\4"


def test_the_sha256_is_that_of_the_content(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert files.sha256(tmp_path / "a").startswith("ba7816bf8f01cfea414140de5dae2223b00361a3")


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


def test_a_new_file_takes_the_place_of_the_old_one_when_it_is_whole(tmp_path):
    (tmp_path / "a.npz").write_text("old")
    with files.whole(tmp_path / "a.npz") as partial:
        partial.write_text("new")
        assert (tmp_path / "a.npz").read_text() == "old"
        assert files.TEMPORARY.fullmatch(partial.name)["name"] == "a.npz"
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]
    assert (tmp_path / "a.npz").read_text() == "new"


def test_an_error_leaves_the_old_file_alone(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(KeyError), files.whole(tmp_path / "a") as partial:
        partial.write_text("half")
        raise KeyError
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_the_name_of_a_temporary_file_cannot_be_guessed_and_follows_no_link(tmp_path, monkeypatch):
    with files.whole(tmp_path / "a") as one, files.whole(tmp_path / "a") as other:
        assert one != other
    (tmp_path / "thesis.tex").write_text("years of work")
    monkeypatch.setattr(secrets, "token_hex", lambda count: "0" * 2 * count)
    (tmp_path / f".{16 * '0'}.a").symlink_to("thesis.tex")
    with pytest.raises(FileExistsError), files.whole(tmp_path / "a"):
        pass
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_new_file_can_be_read_as_others_can(tmp_path):
    """It has the rights that the user's mask gives, not those of temporary files."""
    before = os.umask(0o022)
    try:
        with files.whole(tmp_path / "a"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


def test_a_file_of_more_bytes_than_it_may_have_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    assert files.read(tmp_path / "a", "a file", most=7) == b"content"
    with pytest.raises(ValueError, match="a file at .*a` of at most 6 bytes"):
        files.read(tmp_path / "a", "a file", most=6)
