"""Damages of files at random: `(content, rng)` -> content."""

import io
import json
import re
import struct
import zipfile

from benchmarks.fuzzing import hostile, tables

EDGES = 300  # bytes at both ends of a file, where its structure is as a rule
NUMBERS = (0, 1, -1, 2**15, 2**31 - 1, -(2**31), 2**32 - 1, 2**40, 2**62, -(2**63))
WORDS = (b"-1", b"99999999999", b"1e999", b"nan", b"1" + b"0" * 5000, b"", b"\x00", b"\n", b"{")
VALUES = (
    *(None, True, 0, -1, 2**31, 10**30, 10**400, 0.5, -1e300, float("nan"), float("inf")),
    *("", "x", "../../x", [], [[]], {}, {"a": 1}),
)


def of_bytes(content, rng):
    """A content with one to three damages: bytes, numbers, pieces, digits of text."""
    for _ in range(rng.integers(1, 4)):
        content = DAMAGES[rng.integers(len(DAMAGES))](content, rng)
    return content


def _place(content, rng):
    """A position, as often near an end as anywhere."""
    if rng.random() < 0.5 or len(content) < 2 * EDGES:
        return int(rng.integers(len(content) + 1))
    place = int(rng.integers(EDGES))
    return place if rng.random() < 0.5 else len(content) - place


def _flip(content, rng):
    changed = bytearray(content)
    for _ in range(rng.integers(1, 9)):
        place = _place(content, rng)
        if place < len(changed):
            changed[place] ^= 1 << rng.integers(8)
    return bytes(changed)


def _overwrite(content, rng):
    place, count = _place(content, rng), int(rng.integers(1, 17))
    piece = (b"\x00" * count, b"\xff" * count, rng.bytes(count))[rng.integers(3)]
    return content[:place] + piece + content[place + count :]


def _number(content, rng):
    place, size = _place(content, rng), int(rng.choice([1, 2, 4, 8]))
    order = ("little", "big")[rng.integers(2)]
    value = NUMBERS[rng.integers(len(NUMBERS))] % 256**size
    return content[:place] + value.to_bytes(size, order) + content[place + size :]


def _cut(content, rng):
    return content[: _place(content, rng)]


def _remove(content, rng):
    place = _place(content, rng)
    return content[:place] + content[place + int(rng.integers(1, 65)) :]


def _repeat(content, rng):
    place, count = _place(content, rng), int(rng.integers(1, 65))
    return content[: place + count] * int(rng.integers(1, 3)) + content[place:]


def _move(content, rng):
    one, other, count = _place(content, rng), _place(content, rng), int(rng.integers(1, 65))
    return content[:one] + content[other : other + count] + content[one + count :]


def _word(content, rng):
    """Another word in place of some digits."""
    digits = list(re.finditer(rb"[0-9]+", content))
    if not digits:
        return _overwrite(content, rng)
    found = digits[rng.integers(len(digits))]
    word = WORDS[rng.integers(len(WORDS))]
    return content[: found.start()] + word + content[found.end() :]


DAMAGES = (_flip, _overwrite, _number, _cut, _remove, _repeat, _move, _word)


def of_archive(content, rng):
    """Damages an archive or, half of the time, a member of it, and packs that with a right sum."""
    if content[:2] != b"PK" or rng.random() < 0.5:
        return of_bytes(content, rng)
    with zipfile.ZipFile(io.BytesIO(content)) as stored:
        members = {name: stored.read(name) for name in stored.namelist()}
    name = sorted(members)[rng.integers(len(members))]
    return hostile.archive(members | {name: of_bytes(members[name], rng)})


def of_table(content, rng):
    """Damages a checkpoint's index, half of the time with the sums of its blocks made right."""
    changed = bytearray(of_bytes(content, rng))
    if rng.random() < 0.5 or min(len(content), len(changed)) < 60:  # the other file is shorter
        return bytes(changed)
    changed[-8:] = content[-8:]
    for start, size in _blocks(content):
        if start + size + 5 <= len(changed) - 48:
            total = tables.masked_sum(bytes(changed[start : start + size + 1]))
            changed[start + size + 1 : start + size + 5] = struct.pack("<I", total)
    return bytes(changed)


def _blocks(content):
    """(start, size) of the blocks that a table's footer and its own index name."""
    footer, place, numbers = content[-48:-8], 0, []
    for _ in range(4):
        number, place = _varint(footer, place)
        numbers.append(number)
    found = [tuple(numbers[:2]), tuple(numbers[2:])]
    start, size = found[1]
    place, block = 0, content[start : start + size]
    _, place = _varint(block, place)
    fresh, place = _varint(block, place)
    length, place = _varint(block, place)
    handle = block[place + fresh : place + fresh + length]
    first, place = _varint(handle, 0)
    return [*found, (first, _varint(handle, place)[0])]


def _varint(content, place):
    value, shift = 0, 0
    while True:
        byte = content[place]
        value, shift, place = value | (byte & 127) << shift, shift + 7, place + 1
        if byte < 128:
            return value, place


def of_json(content, rng):
    """Damages the bytes of a file or, half of the time where it is JSON, a value in it."""
    if content[:1] != b"{" or rng.random() < 0.5:
        return of_bytes(content, rng)
    return json.dumps(_changed(json.loads(content), rng)).encode()


def _changed(value, rng):
    """A copy in which a value at random, at any depth, is another, gone, or of another name."""
    if not value or not isinstance(value, (dict, list)) or rng.random() < 0.1:
        return VALUES[rng.integers(len(VALUES))]
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key, kind = keys[rng.integers(len(keys))], rng.random()
    copy = value.copy()
    if kind < 0.15:
        del copy[key]
    elif kind < 0.25 and isinstance(value, dict):
        copy["unknown"] = copy.pop(key)
    else:
        copy[key] = _changed(value[key], rng)
    return copy
