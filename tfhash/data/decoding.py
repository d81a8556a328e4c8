"""Image files as arrays: GIF, AVIF and HEIC by Pillow, all others by OpenCV."""

import functools
import os
import warnings

import numpy as np

from tfhash import files

# Of an image: what cameras make, and what takes 1 GiB to decode. tfhash/__init__.py tells OpenCV.
MOST_PIXELS = 110 * 10**6
OPENCV = (
    *(".bmp", ".dib", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm"),
    *(".ppm", ".tif", ".tiff", ".webp"),
)
PILLOW = {  # suffix: what makes Pillow read it where it does not
    ".gif": "pip install pillow",
    ".avif": 'pip install "pillow>=11.3"',
    ".heic": "pip install pillow-heif",
    ".heif": "pip install pillow-heif",
}
JPEG, GIF, ISO_MEDIA = b"\xff\xd8", b"GIF8", b"ftyp"  # the last of AVIF and HEIC, after 4 bytes


@functools.cache
def suffixes():
    """The suffixes, in lower case, of the image files that the installed decoders read."""
    readable = _pillow().registered_extensions()
    return frozenset((*OPENCV, *(suffix for suffix in PILLOW if suffix in readable)))


def hint(suffix):
    """The pip command after which files of a suffix can be decoded; "" where none is missing."""
    return "" if suffix in suffixes() else PILLOW.get(suffix, "")


def decode(path, *, upright=True):
    """The image file at `path`, `[height, width, 3]` uint8 RGB; of several frames the first.

    Args:
        path: the file; its content says what kind it is.
        upright: turned as its EXIF says; False for the pixels as they are stored.
    Raises:
        ValueError: no such file, or one that is not a complete image or has more than
            `MOST_PIXELS`; names it.
    """
    return _decoded(_content(path), path, upright, small=False)


def decode_bytes(content, name, *, upright=True):
    """As `decode`, of the bytes of an image file; `name` is what the error calls it."""
    return _decoded(np.frombuffer(content, np.uint8), name, upright, small=False)


def pixels_of(content, name):
    """How many pixels an image has, as the bytes of its file say; it is not decoded.

    Raises:
        ValueError: Pillow, which reads all kinds, finds no image; calls it by its `name`.
    """
    import io

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the many pixels that are asked for
            with _pillow().open(io.BytesIO(content)) as image:
                return image.width * image.height
    except _pillow().DecompressionBombError:
        return 2 * MOST_PIXELS
    except Exception as error:  # its plugins raise kinds of their own for a damaged file
        raise ValueError(
            f"Expected an image at `{name}`. Its {len(content)} bytes are none."
        ) from error


def check(path):
    """Raises ValueError where `decode` does; takes two thirds of its time for a JPEG.

    A JPEG is read to its end, but only an eighth of its rows and columns is computed.
    """
    _decoded(_content(path), path, upright=False, small=True)


class _TooLarge(Exception):
    """An image has more than `MOST_PIXELS`."""


def _content(path):
    with files.opened(path, "an image") as file:
        return np.frombuffer(file.read(), np.uint8)


def _decoded(content, path, upright, small):
    head = content[:8].tobytes()
    try:
        if head.startswith(GIF) or head[4:] == ISO_MEDIA:
            image = _by_pillow(content, upright)
        else:
            image = _by_opencv(content, upright, small and head.startswith(JPEG))
    except _TooLarge as error:
        raise ValueError(
            f"Expected an image of up to {MOST_PIXELS} pixels at `{path}`. It has more. Shrink it, "
            "or leave it out."
        ) from error
    if image is None:
        command = hint(os.path.splitext(path)[1].lower())
        raise ValueError(
            f"Expected an image at `{path}`. Its {len(content)} bytes can't be decoded."
            + (f" To read such files: {command}" if command else "")
        )
    return image


def _by_opencv(content, upright, small):
    import cv2

    # RGB by the decoder: to turn the channels afterwards would take the memory twice.
    flags = cv2.IMREAD_REDUCED_COLOR_8 if small else cv2.IMREAD_COLOR_RGB
    if not upright:
        flags |= cv2.IMREAD_IGNORE_ORIENTATION
    try:
        return cv2.imdecode(content, flags)
    except cv2.error as error:
        if "MAX_IMAGE_PIXELS" in str(error):
            raise _TooLarge from error
        return None  # an empty file


def _by_pillow(content, upright):
    import io

    from PIL import ImageOps

    try:
        with _pillow().open(io.BytesIO(content)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise _TooLarge
            turned = ImageOps.exif_transpose(image) if upright else image
            return np.asarray(turned.convert("RGB"))
    except (_TooLarge, _pillow().DecompressionBombError) as error:
        raise _TooLarge from error
    except Exception:  # its plugins raise kinds of their own for a damaged file
        return None


@functools.cache
def _pillow():
    """Pillow's module Image, with the plugin for HEIC where that is installed."""
    from PIL import Image

    try:
        import pillow_heif
    except ImportError:
        return Image
    pillow_heif.register_heif_opener()
    return Image
