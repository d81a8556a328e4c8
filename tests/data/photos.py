"""Image files of all kinds, made by hand, for the tests of what reads them."""

import struct

import cv2
import numpy as np


def pattern(height=24, width=32):
    """A smooth image without symmetry, `[height, width, 3]` uint8 RGB."""
    rows, columns = np.mgrid[:height, :width]
    planes = [rows * 5, columns * 4, rows + columns * 2]
    return np.stack(planes, axis=2).astype(np.uint8)


def encode(suffix, image=None):
    """The bytes of an image file as OpenCV writes it."""
    return cv2.imencode(suffix, (pattern() if image is None else image)[:, :, ::-1])[1].tobytes()


def write(path, content=None):
    """Writes a file and its folders: a PNG, or these bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(".png") if content is None else content)
    return path


def with_orientation(jpeg, orientation):
    """A JPEG with an EXIF segment that says how its rows and columns lie.

    The segment holds a TIFF header, a directory of one entry (tag 0x0112, a SHORT, one value), and
    no next directory. 1 is as it should be, 3 upside down, 6 to be turned clockwise, 8 the other
    way; 2, 4, 5 and 7 are these mirrored.
    """
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"MM\x00\x2a" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)
    content = b"Exif\x00\x00" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content + jpeg[2:]
