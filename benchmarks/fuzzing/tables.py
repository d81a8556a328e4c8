"""Indices of TensorFlow's checkpoints: tables of names and protocol buffers, made by hand."""

import struct


def varint(number):
    """A number as tables and protocol buffers keep it; under 0 as 64 bits."""
    number, content = number % 2**64, b""
    while number > 127:
        content, number = content + bytes([number & 127 | 128]), number >> 7
    return content + bytes([number])


def masked_sum(block):
    """The CRC-32C of a block as tables keep it."""
    total = 0xFFFFFFFF
    for byte in block:
        total ^= byte
        for _ in range(8):
            total = total >> 1 ^ (0x82F63B78 if total & 1 else 0)
    total ^= 0xFFFFFFFF
    return ((total >> 15 | total << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _field(number, value):
    """A field of a protocol buffer: a number, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def _block(entries):
    """A block of a table, without the type of its compression and its sum."""
    content = b""
    for key, value in entries:
        content += varint(0) + varint(len(key)) + varint(len(value)) + key + value
    return content + struct.pack("<II", 0, 1)


def table(entries):
    """A table of `[(key, value)]` bytes whose sums are right."""
    content, places = b"", []
    for last, block in ((b"", _block(entries)), (b"", _block([])), (b"", None)):
        block = _block([(entries[-1][0], places[0])]) if block is None else block
        places.append(varint(len(content)) + varint(len(block)))
        content += block + b"\0" + struct.pack("<I", masked_sum(block + b"\0"))
    footer = (places[1] + places[2]).ljust(40, b"\0")
    return content + footer + struct.pack("<Q", 0xDB4775248B80FB57)


def _entry(dtype=1, sides=(4, 3), shard=0, offset=0, size=48, more=b""):
    """What a table says of a tensor: its type, shape and where its bytes are."""
    shape = b"".join(_field(2, _field(1, side)) for side in sides)
    place = _field(3, shard) + _field(4, offset) + _field(5, size)
    return _field(1, dtype) + _field(2, shape) + place + b"\x35" + b"\0" * 4 + more


def hostile(name):
    """Indices of checkpoints whose sums are right and whose content is not."""
    first = (b"", _field(1, 1) + _field(3, _field(1, 1)))  # one part, little-endian, of version 1
    part = _field(1, _field(1, 2**62) + _field(2, 2**62))
    entries = {
        "a type that is none": _entry(dtype=255),
        "a type below 0": _entry(dtype=-1),
        "text": _entry(dtype=7),
        "a resource": _entry(dtype=20),
        "a variant": _entry(dtype=21),
        "a side below 0": _entry(sides=(-4, 3)),
        "2**62 numbers": _entry(sides=(2**62,)),
        "2**124 numbers": _entry(sides=(2**62, 2**62)),
        "2**33 numbers": _entry(sides=(2**33,), size=2**35),
        "2**33 texts": _entry(dtype=7, sides=(2**33,)),
        "300 sides": _entry(sides=(1,) * 300),
        "a size below 0": _entry(size=-48),
        "no bytes": _entry(size=0),
        "more bytes than numbers": _entry(size=56),
        "a place beyond the file": _entry(offset=2**40),
        "a place below 0": _entry(offset=-8),
        "a part that is not there": _entry(shard=7),
        "a part below 0": _entry(shard=-1),
        "a slice beyond the tensor": _entry(more=_field(7, part)),
        "no message": b"\xff" * 9,
        "nothing of it": b"",
    }
    contents = {case: table([first, (b"Z", entry)]) for case, entry in entries.items()} | {
        "no head": table([(b"Z", _entry())]),
        "a head that is no message": table([(b"", b"\xff" * 9), (b"Z", _entry())]),
        "2**31 parts": table([(b"", _field(1, 2**31 - 1)), (b"Z", _entry())]),
        "a version to come": table([(b"", _field(1, 1) + _field(3, _field(2, 99)))]),
        "names out of order": table([first, (b"z", _entry()), (b"Z", _entry())]),
        "a name twice": table([first, (b"Z", _entry()), (b"Z", _entry())]),
        "a name that is no text": table([first, (b"\xff\xfe", _entry())]),
        "a name of a million letters": table([first, (b"Z" * 10**6, _entry())]),
        "nothing": b"",
    }
    return {case: {name: content} for case, content in contents.items()}
