import os

import pytest

from tests.data import photos
from tfhash.data import decoding
from tfhash.data.image_files import image_files


def listed(folder):
    return [os.path.relpath(path, folder) for path in image_files(folder).paths]


def test_images_lie_at_any_depth_in_a_stable_order(tmp_path):
    for name in ("b/z.png", "b/a/deep/er/x.png", "a.png", "b/y.png", "c/w.png"):
        photos.write(tmp_path / name)
    assert listed(tmp_path) == ["a.png", "b/y.png", "b/z.png", "b/a/deep/er/x.png", "c/w.png"]


def test_the_paths_begin_as_the_folder_was_given(tmp_path, monkeypatch):
    photos.write(tmp_path / "photos/a.png")
    monkeypatch.chdir(tmp_path)
    assert image_files("photos").paths == image_files("photos/").paths == ("photos/a.png",)


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".Png", ".webp", ".TIF", ".bmp", ".GIF"])
def test_suffixes_are_taken_in_any_case(tmp_path, suffix):
    photos.write(tmp_path / f"a{suffix}")
    assert listed(tmp_path) == [f"a{suffix}"]


def test_other_files_are_counted_by_suffix(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "suffixes", lambda: {".png"})
    for name in ("a.png", "b.txt", "c/d.txt", "e.AVIF", "f.heic", "README"):
        photos.write(tmp_path / name)
    listing = image_files(tmp_path)
    assert listing.passed_over == {".txt": 2, ".avif": 1, ".heic": 1, "": 1}
    assert listing.lines() == [
        "left out: 2 .txt, 1 without a suffix, 1 .avif, 1 .heic",
        'to read .avif files: pip install "pillow>=11.3"',
        "to read .heic files: pip install pillow-heif",
    ]


def test_hidden_files_and_folders_are_ignored_and_not_counted(tmp_path):
    for name in ("a.png", "._a.png", ".b.png", ".cache/c.png", "d/.DS_Store"):
        photos.write(tmp_path / name)
    listing = image_files(tmp_path)
    assert listed(tmp_path) == ["a.png"] and listing.lines() == []


def test_links_are_followed_and_nothing_is_reached_twice(tmp_path):
    photos.write(tmp_path / "other/x.png")
    photos.write(tmp_path / "photos/a/y.png")
    folder = tmp_path / "photos"
    (folder / "b").symlink_to(tmp_path / "other")
    (folder / "c").symlink_to(folder / "a")  # the same folder again
    (folder / "a/up").symlink_to(folder)  # a loop
    (folder / "z.png").symlink_to(tmp_path / "other/x.png")
    assert listed(folder) == ["z.png", "a/y.png"]  # b/x.png is z.png
    assert image_files(folder).lines() == [
        "counted once: 3 files or folders that links reach again"
    ]


def test_a_link_that_leads_nowhere_is_left_for_the_decoder_to_name(tmp_path):
    (tmp_path / "a.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "b.png")
    assert listed(tmp_path) == ["a.png", "b.png"]


def test_a_pipe_is_no_image(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    assert image_files(tmp_path).passed_over == {".png": 1}


def test_a_folder_that_cannot_be_opened_is_named(tmp_path, monkeypatch):
    photos.write(tmp_path / "a.png")
    photos.write(tmp_path / "lost+found/b.png")
    scandir = os.scandir

    def refuse(path):
        if os.path.basename(path) == "lost+found":
            raise PermissionError("no")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert listed(tmp_path) == ["a.png"]
    assert image_files(tmp_path).closed == (str(tmp_path / "lost+found"),)
    assert "can't be opened: " in image_files(tmp_path).lines()[0]


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="a folder of images at `.*nowhere`"):
        image_files(tmp_path / "nowhere")
