"""Files made by hand to take time, memory or the process."""

import io
import pickle
import struct
import tarfile
import zipfile
import zlib

NEST = 100  # levels that double what they hold: 2**100 of it
DEEP = 100_000  # levels of one
MIB = 2**20


TWICE = b"\x80\x02K\x01" + b"2\x86" * NEST  # a tuple of twice the one before
PICKLES = {
    "a table of 2**31": b"\x80\x02]r\xff\xff\xff\x7f.",
    "a memo of 2**28": b"\x80\x02]r\x00\x00\x00\x10.",
    "2**33 bytes": b"\x80\x05\x96" + struct.pack("<Q", 2**33) + b".",
    "2**62 bytes": b"\x80\x05\x8e" + struct.pack("<Q", 2**62) + b".",
    "a nest as a key": TWICE + b"K\x01}r\x01\x00\x00\x00" + TWICE[2:] + b"K\x01s.",
    "a nest in a set": b"\x80\x04\x8f(" + TWICE[2:] + b"\x90.",
    "a nest as data": b"\x80\x02}(U\x04data" + TWICE[2:] + b"U\x06labels" + TWICE[2:] + b"u.",
    "a nest as fine labels": b"\x80\x02}(U\x04data"
    + TWICE[2:]
    + b"U\x0bfine_labels"
    + TWICE[2:]
    + b"u.",
    "a nest as a dtype": b"\x80\x02cnumpy\ndtype\n" + TWICE[2:] + b"\x85R.",
    "a nest as a shape": b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n)R(K\x01"
    + TWICE[2:]
    + b"cnumpy\ndtype\nU\x02u1\x85R\x89U\x00tb.",
    "a nest in a list": b"\x80\x02]q\x00" + b"]q\x00(h\x00h\x00eq\x00" * NEST + b".",
    "levels": b"(" * DEEP + b"l" * DEEP + b".",
    "levels of tuples": b"\x80\x02N" + b"\x85" * DEEP + b".",
    "a number of 100000 digits": b"I" + b"1" * DEEP + b"\n.",
    "an empty string 2**40 times": b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n)R(K\x01"
    b"\x8a\x06" + struct.pack("<Q", 2**40)[:6] + b"\x85cnumpy\ndtype\nU\x02S0\x85R\x89U\x00tb.",
    "a class with another state": b"\x80\x02cnumpy\ndtype\nN}U\x0c__setstate__Ns\x86b.",
}


def pickles(name, before=b""):
    """Each of `PICKLES` as the file `name`, behind a header."""
    return {case: {name: before + content} for case, content in PICKLES.items()}


def npy_header(text):
    """An .npy file that begins with this header."""
    text = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


OBJECT = npy_header("{'descr': '|O', 'fortran_order': False, 'shape': ()}")
NPY = {
    "2**40 numbers": npy_header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({2**40},)}}"),
    "negative sides": npy_header("{'descr': '<f8', 'fortran_order': False, 'shape': (-2, -3)}"),
    "no bytes 2**40 times": npy_header(
        f"{{'descr': '|S0', 'fortran_order': False, 'shape': (2, {2**40})}}"
    ),
    "a header of brackets": npy_header("(" * 9000),
    "a header of signs": npy_header("-" * 9000 + "1"),
    "an open string": npy_header("{'descr': '<f8', 'shape': (1L, '''"),
    "objects": OBJECT + b"N.",
    "fields": npy_header("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (0, 2)}"),
    "nothing": b"",
}


def json(name):
    """JSON files: levels without end, other values, bytes that are no text."""
    contents = {
        "a list": b"[1]",
        "levels": b"[" * DEEP,
        "levels of objects": b'{"a":' * DEEP,
        "a number of 100000 digits": b"1" * DEEP,
        "no number": b"NaN",
        "half a letter": b'"\\ud800"',
        "bytes": bytes(range(256)),
        "nothing": b"",
    }
    return {case: {name: content} for case, content in contents.items()}


def npy(name):
    """Each of `NPY` as the file `name`."""
    return {case: {name: content} for case, content in NPY.items()}


def archive(members, compression=zipfile.ZIP_STORED):
    """A zip archive of `{name: content}`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression, compresslevel=1) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return file.getvalue()


def archives(name):
    """Archives in place of a file: a bomb, others than a single file, members of no name."""
    array = OBJECT + b"N."
    contents = {
        "a bomb": archive({"a.npy": b"\0" * 256 * MIB}, zipfile.ZIP_DEFLATED),
        "another compression": archive({"a.npy": b"\0" * MIB}, zipfile.ZIP_BZIP2),
        "two files": archive({"a.npy": array, "b.npy": array}),
        "an archive in it": archive({"a.npy": archive({"a.npy": array})}),
        "no file": archive({}),
        "nothing": b"",
    }
    return {case: {name: content} for case, content in contents.items()}


def _packed(head, zeros):
    """A zlib stream of `head` and so many zeros, of which a MiB is packed, and that repeated."""
    packer = zlib.compressobj(9)
    begin = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(b"\0" * MIB) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = packer.compress(b"\0" * (zeros % MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    low, high = zlib.adler32(head) & 0xFFFF, zlib.adler32(head) >> 16
    total = (high + zeros * low) % 65521 << 16 | low
    return begin + piece * (zeros // MIB) + rest + b"\x03\x00" + struct.pack(">I", total)


def _element(kind, content):
    return struct.pack("<II", kind, len(content)) + content + b"\0" * (-len(content) % 8)


def _matrix(kind, sides, content, name=b"x", nonzero=0):
    flags = _element(6, struct.pack("<II", kind, nonzero))
    shape = _element(5, struct.pack(f"<{len(sides)}i", *sides))
    return _element(14, flags + shape + _element(1, name) + content)


MAT = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<HH", 0x0100, 0x4D49)


def _sparse(rows, first, sides):
    """A sparse matrix whose indices are these, whatever its sides are."""
    content = _element(5, struct.pack(f"<{len(rows)}i", *rows))
    content += _element(5, struct.pack(f"<{len(first)}i", *first))
    content += _element(9, struct.pack(f"<{len(rows)}d", *[1.0] * len(rows)))
    return MAT + _matrix(5, sides, content, nonzero=len(rows))


def _levels(count):
    """Cells within cells."""
    inner = _matrix(6, (1, 1), _element(9, struct.pack("<d", 1)))
    head = _matrix(1, (1, 1), b"")
    lengths = range(len(inner) + len(head) * count - 8, len(inner), -len(head))
    return MAT + b"".join(struct.pack("<II", 14, n) + head[8:] for n in lengths) + inner


def _bomb(count):
    """A matrix of so many bytes of 0, compressed."""
    matrix = _matrix(9, (count, 1), _element(2, b""))
    length, size = (struct.unpack_from("<I", matrix, place)[0] for place in (4, len(matrix) - 4))
    head = struct.pack("<II", 14, length + count) + matrix[8:-4] + struct.pack("<I", size + count)
    packed = _packed(head, count)
    return MAT + struct.pack("<II", 15, len(packed)) + packed


def mat(name):
    """MATLAB files: sparse ones whose indices lie outside, levels without end, a bomb."""
    contents = {
        "rows outside": _sparse([2**30, -(2**30)], [0, 1, 2], (2, 2)),
        "columns outside": _sparse([0, 1], [0, 2**30, 2**31 - 1], (2, 2)),
        "columns that fall": _sparse([0, 1], [2, -5, 2], (2, 2)),
        "2**60 pairs": _sparse([0], [0] * 1000 + [1], (2**30, 1000)),
        "2**31 pairs of a few": _sparse([0], [0, 1, 1], (2**30, 2)),
        "1000 levels": _levels(1000),
        "4000 levels": _levels(4000),
        "100000 levels": _levels(DEEP),
        "a bomb": _bomb(2**31 - 8),
        "2**31 numbers": MAT + _matrix(6, (2**16, 2**15), _element(9, b"")),
        "sides below 0": MAT + _matrix(6, (-4, -4), _element(9, b"\0" * 128)),
        "version 7.3": b"MATLAB 7.3 MAT-file".ljust(124) + struct.pack("<HH", 0x0200, 0x4D49),
        "nothing": b"",
    }
    return {case: {name: content} for case, content in contents.items()}


def png(width, height):
    """A black image of so many pixels, of which there are as many bytes as compression leaves."""
    data = _packed(b"", height * (1 + 3 * width))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def _gif(width, height):
    colours = b"\0\0\0\xff\xff\xff"
    frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\x00;"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + colours + frame


def _bmp(width, height):
    return b"BM" + struct.pack(
        "<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0
    )


def images(name):
    """Images of more pixels than memory holds, and of none."""
    contents = {
        "a PNG of 400 million pixels": png(20000, 20000),
        "a PNG of 109 million pixels": png(10400, 10450),
        "a GIF of 4 billion pixels": _gif(65535, 65535),
        "a GIF of 170 million pixels": _gif(13000, 13000),
        "a BMP of 2**60 pixels": _bmp(2**30, 2**30),
        "a BMP of 400 million pixels": _bmp(20000, 20000),
        "a BMP below 0": _bmp(-5, -(2**31)),
        "a PPM of 400 million pixels": b"P6 20000 20000 255\n",
        "no pixels": png(0, 0),
        "nothing": b"",
    }
    return {case: {name: content} for case, content in contents.items()}


def _rows(value, keys=b"\x80\x02]."):
    """A .pth file of the layout before PyTorch 1.6, of a pickle and a pickle of keys."""
    head = (pickle.dumps(part, 2) for part in (119547037146038801333356, 1001, {}))
    return b"".join(head) + value + keys


def _tensor(size, stride):
    """A pickle of a state dict: a tensor of a storage of one number."""
    numbers = [b"\x8a\x08" + struct.pack("<q", n) for n in (*size, *stride)]
    sides = b"(" + b"".join(numbers[: len(size)]) + b"t"
    steps = b"(" + b"".join(numbers[len(size) :]) + b"t"
    storage = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00"
    storage += b"cpuK\x01NtQ"
    return (
        b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor\n("
        + storage
        + b"K\x00"
        + sides
        + steps
        + b"tRs."
    )


NUMBER = struct.pack("<qf", 1, 0.5)
KEY = pickle.dumps(["0"], 2)
MODULE = b"ctorch.nn.modules.linear\nLinear\n)\x81"


def _tar(size):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:") as made:
        for name in ("sys_info", "pickle", "tensors", "storages"):
            member = tarfile.TarInfo(name)
            member.size = 4
            made.addfile(member, io.BytesIO(b"K\x05.\0"))
    content = bytearray(file.getvalue())
    content[124:136] = size
    return bytes(content)


def _modules(members):
    """A module whose attribute `_modules` is this pickle, in which h1 is the module itself."""
    return b"\x80\x02" + MODULE + b"q\x01}X\x08\x00\x00\x00_modules" + members + b"sb."


def pth(name):
    """PyTorch's files: steps of 0, bombs, modules within themselves, attributes of other types."""
    itself = b"}(" + b"".join(b"X\x01\x00\x00\x00" + bytes([65 + n]) + b"h\x01" for n in range(20))
    zipped = {"w/data.pkl": _tensor((1,), (1,)), "w/data/0": b"\0" * 256 * MIB}
    contents = {
        "a step of 0": _rows(_tensor((2**29,), (0,)), KEY + NUMBER),
        "steps of 0": _rows(_tensor((2**15, 2**15), (0, 0)), KEY + NUMBER),
        "no numbers": _rows(_tensor((0, 2**62, 2**62), (1, 1, 1)), KEY + NUMBER),
        "2**60 numbers": _rows(_tensor((1,), (1,)), KEY + struct.pack("<q", 2**60)),
        "-1 numbers": _rows(_tensor((1,), (1,)), KEY + struct.pack("<q", -1)),
        "a bomb": archive(zipped, zipfile.ZIP_DEFLATED),
        "modules within themselves": _rows(_modules(itself + b"u")),
        "modules of a number": _rows(_modules(b"K\x05")),
        "modules by number": _rows(_modules(b"}K\x05h\x01s")),
        "parameters of a number": _rows(_modules(b"K\x05").replace(b"_modules", b"_buffers")),
        "a state of a number": _rows(b"\x80\x02" + MODULE + b"K\x05b."),
        "a long name": _rows(
            b"\x80\x02}B"
            + struct.pack("<I", 10**6)
            + b"0."
            + b"a" * (10**6 - 2)
            + _tensor((1,), (1,))[12:],
            KEY + NUMBER,
        ),
        "a state dict of a number": _rows(b"\x80\x02K\x05."),
        "an iter_num of text": _rows(_modules(b"}").replace(b"_modules", b"iter_num")),
        "a tar member below 0": _tar(b"-0000000777\0"),
        "a tar member of 8 GiB": _tar(b"77777777777\0"),
        "a tar member of no number": _tar(b"not octal  \0"),
        "an empty archive": archive({}),
        "nothing": b"",
    }
    rows = {case: {name: _rows(content)} for case, content in PICKLES.items()}
    return {case: {name: content} for case, content in contents.items()} | rows


def npz(name):
    """Archives of arrays: bombs, members of the same name, objects."""
    shape = f"({256 * MIB},)"
    zeros = npy_header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}")
    zeros += b"\0" * 256 * MIB
    contents = {
        "a bomb": archive({"words.npy": zeros}, zipfile.ZIP_DEFLATED),
        "objects": archive({"kind.npy": OBJECT + b"N."}),
        "nothing": b"",
    } | {case: archive({"kind.npy": content}) for case, content in NPY.items()}
    return {case: {name: content} for case, content in contents.items()}
