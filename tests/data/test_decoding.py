import io
import os
import sys

import numpy as np
import pytest
from PIL import Image, features

from tests.data import photos
from tfhash.data import decoding, images


def saved(kind, image, **options):
    """The bytes of an image file as Pillow writes it."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["BMP", "JPEG2000", "PNG", "PPM", "TIFF"])
def test_lossless_files_are_read_as_they_were_written(tmp_path, kind):
    path = photos.write(tmp_path / "a", saved(kind, photos.pattern()))
    np.testing.assert_array_equal(decoding.decode(path), photos.pattern())


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_lossy_files_are_read_almost_as_they_were_written(tmp_path, suffix):
    path = photos.write(tmp_path / f"a{suffix}", photos.encode(suffix))
    assert np.abs(decoding.decode(path).astype(int) - photos.pattern()).max() < 12


def test_of_an_animation_the_first_frame_is_read(tmp_path):
    first, second = (np.full((5, 7, 3), value, np.uint8) for value in (40, 200))
    content = saved("GIF", first, save_all=True, append_images=[Image.fromarray(second)])
    read = decoding.decode(photos.write(tmp_path / "a.gif", content))
    np.testing.assert_array_equal(read, first)


@pytest.mark.skipif(not features.check("avif"), reason="Pillow was built without libavif")
def test_avif_is_read(tmp_path):
    path = photos.write(tmp_path / "a.avif", saved("AVIF", photos.pattern(), quality=95))
    assert np.abs(decoding.decode(path).astype(int) - photos.pattern()).max() < 12
    assert ".avif" in decoding.suffixes()


def test_the_content_and_not_the_suffix_says_what_a_file_is(tmp_path):
    path = photos.write(tmp_path / "a.jpg", saved("GIF", np.full((4, 4, 3), 9, np.uint8)))
    assert (decoding.decode(path) == 9).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
def test_images_of_other_modes_become_rgb(tmp_path, mode):
    white = Image.new("RGB", (6, 4), (255, 255, 255))
    image = Image.new("I;16", (6, 4), 65535) if mode == "I;16" else white.convert(mode)
    image.save(tmp_path / "a.tiff")
    assert (decoding.decode(tmp_path / "a.tiff") == np.full((4, 6, 3), 255)).all()


TURNED = {  # orientation: what shows a stored image as it is meant
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.transpose(1, 0, 2),
    6: lambda image: image.transpose(1, 0, 2)[:, ::-1],
    7: lambda image: image.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda image: image.transpose(1, 0, 2)[::-1],
}


@pytest.mark.parametrize("orientation", TURNED)
def test_an_image_is_turned_as_its_exif_says_or_read_as_it_is_stored(tmp_path, orientation):
    jpeg = photos.encode(".jpg")
    stored = decoding.decode(photos.write(tmp_path / "plain.jpg", jpeg))
    path = photos.write(tmp_path / "a.jpg", photos.with_orientation(jpeg, orientation))
    np.testing.assert_array_equal(decoding.decode(path), TURNED[orientation](stored))
    np.testing.assert_array_equal(decoding.decode(path, upright=False), stored)


def test_a_pool_reads_images_as_they_are_stored_where_that_is_asked_for(tmp_path):
    jpeg = photos.with_orientation(photos.encode(".jpg"), 6)
    pool = images.FileImages((str(photos.write(tmp_path / "a.jpg", jpeg)),), (24, 32))
    assert pool.original(0).shape == (32, 24, 3)
    stored = images.FileImages(pool.paths, pool.size, upright=False)
    assert stored.original(0).shape == stored.resized((24, 32)).original(0).shape == (24, 32, 3)


@pytest.mark.parametrize("share", [0.3, 0.9, 0.99])
@pytest.mark.parametrize("kind", ["JPEG", "progressive", "PNG", "GIF", "WEBP", "BMP"])
def test_a_truncated_file_is_refused_by_decode_and_by_check(tmp_path, kind, share):
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    options = {"progressive": True} if kind == "progressive" else {}
    content = saved("JPEG" if options else kind, noise, **options)
    whole = photos.write(tmp_path / "whole.jpg", content)
    assert decoding.decode(whole).shape == (60, 80, 3) and decoding.check(whole) is None
    path = photos.write(tmp_path / "cut.jpg", content[: int(len(content) * share)])
    for read in (decoding.decode, decoding.check):
        with pytest.raises(ValueError, match=r"cut\.jpg.*can't be decoded"):
            read(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_an_image_of_one_pixel_passes_the_check(tmp_path, suffix):
    content = photos.encode(suffix, np.full((1, 1, 3), 9, np.uint8))
    decoding.check(photos.write(tmp_path / f"a{suffix}", content))


def test_a_folder_or_a_missing_file_is_an_error_that_names_it(tmp_path):
    for path in (tmp_path, tmp_path / "gone.jpg"):
        with pytest.raises(ValueError, match=f"`{path}`. It can't be read"):
            decoding.check(path)


@pytest.fixture
def without_heif(monkeypatch):
    """As if pillow-heif were not installed."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.setattr(decoding, "_pillow", decoding._pillow.__wrapped__)
    monkeypatch.setattr(decoding, "suffixes", decoding.suffixes.__wrapped__)
    monkeypatch.setattr(Image, "EXTENSION", {".gif": "GIF"})


def test_a_photo_that_a_plugin_would_read_comes_with_the_pip_command(tmp_path, without_heif):
    path = photos.write(tmp_path / "a.HEIC", b"\0\0\0\x18ftypheic" + bytes(40))
    with pytest.raises(ValueError, match="can't be decoded. To read such files: pip.*pillow-heif"):
        decoding.decode(path)
    assert ".heic" not in decoding.suffixes() and decoding.hint(".jpg") == ""


def test_a_damaged_photo_that_could_be_read_comes_without_one(tmp_path):
    path = photos.write(tmp_path / "a.gif", b"GIF89a" + bytes(40))
    with pytest.raises(ValueError, match="can't be decoded.$"):
        decoding.decode(path)


def black_png(side):
    """A black PNG of `side` pixels each way, in a thousandth of their bytes."""
    buffer = io.BytesIO()
    Image.new("1", (side, side)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("read", [decoding.decode, decoding.check])
@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path, kind, read):
    content = black_png(12000) if kind == "PNG" else saved("GIF", np.zeros((1, 1, 3), np.uint8))
    if kind == "GIF":
        content = content[:6] + b"\xff\xff\xff\xff" + content[10:]  # its width and height
    path = photos.write(tmp_path / "large", content)
    with pytest.raises(ValueError, match="up to 110000000 pixels at `.*large`.*Shrink it"):
        read(path)


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe`. It is a pipe"):
        decoding.decode(tmp_path / "pipe")
