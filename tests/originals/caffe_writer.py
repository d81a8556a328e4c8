"""Writes .caffemodel files, byte by byte as Protocol Buffers of caffe.proto."""

import numpy as np


def varint(value):
    """A number as Protocol Buffers write it."""
    groups = []
    while True:
        value, group = value >> 7, value & 127
        groups.append(group | (128 if value else 0))
        if not value:
            return bytes(groups)


def field(number, content):
    """A field of bytes, or of a number."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def blob(array, *, old=False, double=False):
    """An array with its shape, of four sides in the old way."""
    data = field(8, array.astype("<f8").tobytes()) if double else field(5, array.tobytes())
    if old:
        sides = [1] * (4 - array.ndim) + list(array.shape)
        return b"".join(field(number, side) for number, side in enumerate(sides, 1)) + data
    return field(7, field(1, b"".join(map(varint, array.shape)))) + data


def layer(name, kernel, version=3, **options):
    """A layer with a kernel and a bias 0, 1, ..., as Caffe has written it in three versions."""
    arrays = (kernel, np.arange(len(kernel), dtype=np.float32))
    number = {1: 50, 2: 6, 3: 7}[version]
    blobs = b"".join(field(number, blob(a, old=version < 3, **options)) for a in arrays)
    name = name.encode()
    if version == 1:
        return field(2, field(1, field(1, name) + field(2, b"conv") + blobs))
    if version == 2:
        return field(2, field(2, b"bottom") + field(4, name) + field(5, 4) + blobs)
    return field(100, field(1, name) + field(2, b"Convolution") + blobs)


def write(path, *layers):
    path.write_bytes(field(1, b"CaffeNet") + b"".join(layers))
    return path
