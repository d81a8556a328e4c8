"""Files inside of zip archives."""

import zipfile

import pytest

from tfhash import archives, files

CONTENT = bytes(range(256)) * 40


def archive(path, *names, content=CONTENT, method=zipfile.ZIP_DEFLATED):
    """A zip archive with files of these names."""
    with zipfile.ZipFile(path, "w", method) as made:
        for name in names:
            made.writestr(name, content)
    return path


def unzipped(path):
    with files.opened(path, "a file", zipped=True) as file:
        return archives.unzipped(file, path).read()


@pytest.mark.parametrize("method", archives.METHODS)
def test_the_single_file_of_an_archive_is_read(tmp_path, method):
    path = archive(tmp_path / "w.npy.zip", "w/", "w/w.npy", "__MACOSX/w/._w.npy", method=method)
    assert unzipped(path) == CONTENT


def test_a_file_that_is_no_archive_stays(tmp_path):
    (tmp_path / "w.npy").write_bytes(CONTENT)
    assert unzipped(tmp_path / "w.npy") == CONTENT


def test_nothing_is_unpacked(tmp_path):
    unzipped(archive(tmp_path / "w.zip", "../above.npy"))
    assert [path.name for path in tmp_path.iterdir()] == ["w.zip"]
    assert not (tmp_path.parent / "above.npy").exists()


@pytest.mark.parametrize(
    "names, options, message",
    [
        ((), {}, "it holds 0 files"),
        (("a.npy", "b.npy"), {}, "it holds 2 files"),
        (("a.npy",), {"method": zipfile.ZIP_BZIP2}, "by compression 12"),
    ],
)
def test_another_archive_is_refused(tmp_path, names, options, message):
    path = archive(tmp_path / "w.zip", "folder/", *names, **options)
    with pytest.raises(ValueError, match=f"one file at .*w.zip`: .*{message}"):
        unzipped(path)


def test_a_file_far_larger_than_its_archive_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "ROOM", 1000)
    path = archive(tmp_path / "w.zip", "zeros.npy", content=b"\0" * 100000)
    with pytest.raises(ValueError, match="its file takes 100000 bytes"):
        unzipped(path)


@pytest.mark.parametrize("place", [20, -30])
def test_a_damaged_archive_is_named(tmp_path, place):
    path = archive(tmp_path / "w.zip", "w.npy", method=zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes()[:place])
    with pytest.raises(ValueError, match="w.zip"):
        unzipped(path)


def test_a_file_whose_sum_differs_is_refused(tmp_path):
    path = archive(tmp_path / "w.zip", "w.npy", method=zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"\7\x08", b"\7\x09", 1))
    with pytest.raises(ValueError, match="w.zip.*CRC"):
        unzipped(path)
