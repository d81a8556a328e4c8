"""The readers that are tried, and valid files for each. A new one is a function and a `Reader`."""

import contextlib
import hashlib
import json
import pickle
import struct
import zipfile

import numpy as np
import pyarrow
import pyarrow.parquet
import scipy.io
import scipy.sparse

from benchmarks.fuzzing import hostile
from benchmarks.fuzzing.cases import Reader, damaged
from flags import latent
from tfhash import model_dir
from tfhash.data import cifar, cifar100, decoding, embeddings, imagenet32, lists, word_vectors
from tfhash.originals.readers import caffe, mat, npy, pth, tf1
from tfhash.retrieval import base, codes, index, relevance
from tfhash.training import records, states

RNG = np.random.default_rng(0)
LAYER = {"conv1/kernel": np.ones((2, 2, 3, 4), np.float32), "conv1/bias": np.ones(4, np.float32)}
MATRIX = np.eye(5, 7, dtype=np.uint8)
EMBEDDINGS = ("vectors.npy", "labels.csv", "ids.txt", "all.npz", "all.parquet")


def _dump(path, value, protocol=2):
    path.write_bytes(pickle.dumps(value, protocol))


@contextlib.contextmanager
def _named(name):
    """Names the file in errors about what has been read of it, which name the argument."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


# ---- datasets


def _cifar10(folder):
    for number, name in enumerate(cifar.BATCHES):
        batch = {b"data": np.full((2, 3072), number, np.uint8), b"labels": [0, 1]}
        _dump(folder / name, batch | {b"filenames": [b"a.png", b"b.png"]}, 2 + number % 3)


def _cifar100(folder):
    for name in cifar100.FILES:
        rows, labels = np.zeros((20, 3072), np.uint8), [n % 2 for n in range(20)]
        _dump(folder / name, {b"data": rows, b"fine_labels": labels})
    _dump(folder / "meta", {b"fine_label_names": [b"%d" % n for n in range(cifar100.CLASSES)]})


def _imagenet32(folder):
    for name in (*imagenet32.BATCHES, imagenet32.TEST):
        rows, mean = np.zeros((2, 3072), np.uint8), np.zeros(3072)
        _dump(folder / name, {"data": rows, "labels": [1, 1000], "mean": mean}, 3)


def _png(path):
    path.write_bytes(hostile.png(4, 3))


def _lists(folder):
    for name in "abc":
        _png(folder / f"{name}.png")
    (folder / "train.txt").write_text("a.png 1 0 0\nb.png 0 1 0\n")
    (folder / "test.txt").write_text("c.png 0 0 1\n")
    (folder / "database.txt").write_text("a.png 1 0 0\nb.png 0 1 1\n")


def _numbered_lists(folder):
    _lists(folder)
    (folder / "train.txt").write_text("a.png 1\nb.png 0\n")
    (folder / "test.txt").write_text("c.png 2\n")
    (folder / "database.txt").write_text("a.png 1\nb.png 2\n")


def _hostile_lists(folder):
    lines = "".join(f"{'abc'[n % 3]}.png {n % 60000}\n" for n in range(60000))
    return {
        "class 65535": {"test.txt": b"c.png 65535\n"},
        "class 10**30": {"test.txt": b"c.png 1" + b"0" * 30 + b"\n"},
        "60000 classes of 60000 images": {"train.txt": lines.encode()},
        "a line of a million labels": {"train.txt": b"a.png" + b" 0" * 10**6 + b"\n"},
        "a path of a million letters": {"train.txt": b"a" * 10**6 + b" 1\n"},
        "bytes": {"train.txt": bytes(range(256)) * 10},
        "nothing": {"train.txt": b""},
    }


IMAGES = ("a.png", "b.jpg", "c.webp", "d.bmp", "e.tiff", "f.gif")


def _images(folder):
    from PIL import Image

    pixels = RNG.integers(0, 256, (9, 8, 3), np.uint8)
    for name in IMAGES:
        Image.fromarray(pixels).save(folder / name)


def _read_images(folder):
    for name in IMAGES:
        decoding.decode(str(folder / name))
        decoding.check(str(folder / name))


def _hostile_images(folder):
    return hostile.images("a.png")


def _word_vectors(folder):
    vectors = RNG.standard_normal((3, 4)).astype("<f4")
    rows = [" ".join(f"{number:.3f}" for number in row) for row in vectors]
    (folder / "table.txt").write_text("\n".join(rows))
    words = ["cat", "polar", "bear"]
    (folder / "glove.txt").write_text("".join(f"{w} {row}\n" for w, row in zip(words, rows)))
    binary = (w.encode() + b" " + row.tobytes() + b"\n" for w, row in zip(words, vectors))
    (folder / "w2v.bin").write_bytes(b"3 4\n" + b"".join(binary))


def _read_word_vectors(folder):
    word_vectors.read_table(folder / "table.txt", classes=3, dim=4)
    for name in ("glove.txt", "w2v.bin"):
        word_vectors.of_names(folder / name, ["cat", "polar bear"], dim=4)


def _hostile_word_vectors(folder):
    return {
        "10**5000 words": {"w2v.bin": b"1" + b"0" * 90 + b" 4\n"},
        "a width of 5000 digits": {"glove.txt": b"3 " + b"1" * 5000 + b"\n"},
        "a line of 10 MB": {"table.txt": b"0 " * 5 * 10**6},
        "a word of 10 MB": {"glove.txt": b"a" * 10**7 + b"\n"},
        "bytes": {"table.txt": bytes(range(256)) * 10, "glove.txt": bytes(range(256)) * 10},
    }


# ---- weights of other programs


def _npy_weights(folder):
    npy.write(folder / "w.npy", LAYER | {"C": np.eye(3, dtype=np.float32)})


def _npy_archive(folder):
    _npy_weights(folder)
    with zipfile.ZipFile(folder / "w.npy.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / "w.npy", "w.npy")


def _mat_weights(folder):
    scipy.io.savemat(folder / "w.mat", {"Fixed_VGG/conv2d/kernel:0": LAYER["conv1/kernel"]})
    weights = np.empty((1, 2), object)
    weights[0, 0], weights[0, 1] = LAYER["conv1/kernel"], LAYER["conv1/bias"][None]
    layers = np.empty((1, 1), object)
    layers[0, 0] = {"name": "conv1", "type": "conv", "weights": weights}
    scipy.io.savemat(folder / "net.mat", {"layers": layers, "meta": {"a": 1}})


def _read_mat_weights(folder):
    mat.read(folder / "w.mat")
    mat.read_matconvnet(folder / "net.mat")


def _checkpoint(folder):
    import tensorflow as tf

    tensors = {"Z": np.ones((4, 3), np.float32), "global_step": np.int64(3)}
    tf.raw_ops.SaveV2(
        prefix=str(folder / "x.ckpt"),
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=list(tensors.values()),
    )


def _damaged_table(content, rng):
    """Damages a checkpoint's index, half of the time with the sums of its blocks made right."""
    changed = bytearray(damaged(content, rng))
    if rng.random() < 0.5 or min(len(content), len(changed)) < 60:  # the other file is shorter
        return bytes(changed)
    changed[-8:] = content[-8:]
    for start, size in _blocks(content):
        if start + size + 5 <= len(changed) - 48:
            block = bytes(changed[start : start + size + 1])
            changed[start + size + 1 : start + size + 5] = struct.pack("<I", _masked_sum(block))
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


def _masked_sum(block):
    """The CRC-32C of a block as tables keep it."""
    total = 0xFFFFFFFF
    for byte in block:
        total ^= byte
        for _ in range(8):
            total = total >> 1 ^ (0x82F63B78 if total & 1 else 0)
    total ^= 0xFFFFFFFF
    return ((total >> 15 | total << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _pth(folder):
    head = [pickle.dumps(part, 2) for part in (119547037146038801333356, 1001, {})]
    body = hostile._tensor((1,), (1,))
    (folder / "rows.pth").write_bytes(b"".join(head) + body + hostile.KEY + hostile.NUMBER)
    members = {"w/data.pkl": body, "w/data/0": b"\0" * 4, "w/byteorder": b"little"}
    (folder / "zip.pth").write_bytes(hostile.archive(members))


def _read_pth(folder):
    pth.read(folder / "rows.pth")
    pth.read(folder / "zip.pth")


def _hostile_pth(folder):
    return hostile.pth("rows.pth")


def _damaged_archive(content, rng):
    """Damages an archive or, half of the time, a member of it, and packs that with a right sum."""
    if content[:2] != b"PK" or rng.random() < 0.5:
        return damaged(content, rng)
    import io

    with zipfile.ZipFile(io.BytesIO(content)) as stored:
        members = {name: stored.read(name) for name in stored.namelist()}
    name = sorted(members)[rng.integers(len(members))]
    return hostile.archive(members | {name: damaged(members[name], rng)})


def _caffe(folder):
    def field(number, content):
        return bytes([number << 3 | 2, len(content)]) + content

    blob = field(7, field(1, bytes([2, 1, 2, 2]))) + field(5, np.ones(8, "<f4").tobytes())
    bias = field(7, field(1, bytes([2]))) + field(5, np.ones(2, "<f4").tobytes())
    layer = field(1, b"conv1") + field(7, blob) + field(7, bias)
    (folder / "net.caffemodel").write_bytes(b"\xa2\x06" + bytes([len(layer)]) + layer)


# ---- what a test reads


def _relevance(folder):
    np.save(folder / "s.npy", MATRIX)
    scipy.io.savemat(folder / "s.mat", {"label_Similarity": MATRIX}, do_compression=True)
    scipy.io.savemat(folder / "sparse.mat", {"s": scipy.sparse.csc_matrix(MATRIX.astype(float))})


def _read_relevance(folder):
    for name in ("s.npy", "s.mat", "sparse.mat"):
        relevance.read_matrix(folder / name)


def _hostile_relevance(folder):
    return hostile.npy("s.npy") | hostile.mat("sparse.mat")


def _embeddings(folder):
    vectors, labels = RNG.standard_normal((20, 5)).astype(np.float16), np.arange(20) % 2
    np.save(folder / "vectors.npy", vectors)
    rows = [f"i{n},{label},{'train' if label else 'query'}\n" for n, label in enumerate(labels)]
    (folder / "labels.csv").write_text("id,label,split\n" + "".join(rows))
    (folder / "ids.txt").write_text("".join(f"i{n}\n" for n in range(20)))
    np.savez(folder / "all.npz", vectors=vectors, labels=labels)
    table = pyarrow.table({"vector": vectors.astype("f4").tolist(), "label": labels})
    pyarrow.parquet.write_table(table, folder / "all.parquet")


def _read_embeddings(folder):
    for name in EMBEDDINGS:
        if name.startswith(("vectors", "all")):
            embeddings.load(folder / name)


def _order(folder):
    np.save(folder / "order.npy", np.arange(50))


def _read_order(folder):
    order = cifar.read_order(folder / "order.npy")
    with _named("order.npy"):
        cifar.gpq_split(np.arange(50) // 10, order)


def _params(folder):
    params = dict.fromkeys(latent.PARAMS, 3)
    (folder / "params.json").write_text(json.dumps(params))


def _hostile_params(folder):
    return {case: {"params.json": content} for case, content in hostile.JSON.items()}


BOOKS = RNG.standard_normal((3, 16, 5)).astype(np.float32)
KINDS = {
    "binary": lambda: codes.BinaryCodes.from_bits(RNG.integers(0, 2, (7, 70))),
    "product": lambda: codes.QuantizedCodes(RNG.integers(0, 16, (7, 3)), BOOKS),
    "additive": lambda: codes.AdditiveCodes(RNG.integers(0, 16, (7, 3)), BOOKS, "euclidean"),
    "floats": lambda: codes.FloatCodes(RNG.standard_normal((7, 5)), "euclidean"),
    "segments": lambda: codes.ProductCodes(RNG.integers(0, 16, (7, 3)), BOOKS),
    "rabitq": lambda: codes.RaBitQCodes.from_vectors(RNG.standard_normal((7, 5)), np.zeros(5)),
}
CODES = tuple(f"{name}.npz" for name in KINDS)
INDEXES = (*(f"{name}.faiss" for name in KINDS), "hash.faiss")


def _codes(folder):
    for name, made in KINDS.items():
        made().save(folder / f"{name}.npz")


def _read_codes(folder):
    for name in CODES:
        loaded = base.Codes.load(folder / name)
        with _named(name):
            loaded.distances(loaded.queries_to_save(loaded))


def _indexes(folder):
    _codes(folder)
    for name in KINDS:
        index.Index(base.Codes.load(folder / f"{name}.npz")).save(folder / f"{name}.faiss")
    binary = base.Codes.load(folder / "binary.npz")
    index.Index(binary, approximate=True).save(folder / "hash.faiss")


def _read_indexes(folder):
    for name in INDEXES:
        kept = base.Codes.load(folder / name.replace("faiss", "npz").replace("hash", "binary"))
        loaded = index.Index.load(folder / name, kept)
        queries = kept if kept.hamming else kept.decode()
        loaded.search(queries, 3)


# ---- model directories


def _model(folder):
    settings = {"method": "gpq", "config": {"bits": 12}, "classes": ["a", "b"], "seed": 0}
    settings |= {"precision": "float32", "input": {"size": [16, 16], "pixels": None}}
    arrays = {"dense/kernel": np.ones((3, 4), np.float32)}
    model_dir.create(folder / "m", settings, arrays)


def _read_model(folder):
    model_dir.load_settings(folder / "m")
    model_dir.load_weights(folder / "m")


def _states(folder):
    state = _checkpoints(folder)
    state.step.assign(3)
    state.save()


def _checkpoints(folder):
    import tensorflow as tf

    step = tf.Variable(0, dtype=tf.int64)
    return states.Checkpoints(folder, {"dense/kernel": tf.Variable(tf.ones([3, 4]))}, step)


def _records(folder):
    import tensorflow as tf

    records.append(folder / "history.jsonl", {"epoch": 1, "step": 2, "loss": 0.5})
    records.append(folder / "history.jsonl", {"epoch": 2, "step": 4, "loss": 0.4})
    writer = tf.summary.create_file_writer(str(folder / "tensorboard"))
    with writer.as_default():
        for step in range(4):
            tf.summary.scalar("loss", 0.5, step=step)
    writer.close()
    (path,) = (folder / "tensorboard").iterdir()
    path.rename(path.with_name("events.out.tfevents.1"))


def _list_sums(folder):
    """Makes the sums in the manifest right, as those of a stranger's directory are."""
    names = ("config.json", "weights.safetensors")
    sums = {n: [hashlib.sha256((folder / "m" / n).read_bytes()).hexdigest()] for n in names}
    listing = {"format": model_dir.FORMAT, "files": sums}
    (folder / "m" / "manifest.json").write_text(json.dumps(listing))


READERS = {
    "cifar10": Reader(_cifar10, cifar.BATCHES[:2], cifar.read_pickles,
                      lambda folder: hostile.pickles("data_batch_1")),
    "imagenet32": Reader(_imagenet32, (imagenet32.BATCHES[0], imagenet32.TEST), imagenet32.load,
                         lambda folder: hostile.pickles(imagenet32.TEST)),
    "lists": Reader(_lists, ("train.txt", "test.txt"), lambda folder: lists.load("coco", folder),
                    _hostile_lists),
    "class_numbers": Reader(_numbered_lists, ("train.txt", "test.txt"),
                            lambda folder: lists.load("coco", folder), _hostile_lists),
    "images": Reader(_images, IMAGES, _read_images, _hostile_images,
                     imports=("cv2", "PIL.ImageOps")),
    "word_vectors": Reader(_word_vectors, ("table.txt", "glove.txt", "w2v.bin"),
                           _read_word_vectors, _hostile_word_vectors),
    "embeddings": Reader(_embeddings, EMBEDDINGS, _read_embeddings,
                         lambda folder: hostile.npy("vectors.npy") | hostile.npz("all.npz"),
                         damage=_damaged_archive, imports=("pyarrow.parquet",)),
    "order": Reader(_order, ("order.npy",), _read_order,
                    lambda folder: hostile.npy("order.npy")),
    "params": Reader(_params, ("params.json",),
                     lambda folder: latent.read_params(folder / "params.json"), _hostile_params),
    "relevance": Reader(_relevance, ("s.npy", "s.mat", "sparse.mat"), _read_relevance,
                        _hostile_relevance),
    "npy_weights": Reader(_npy_weights, ("w.npy",), lambda folder: npy.read(folder / "w.npy"),
                          lambda folder: hostile.npy("w.npy")
                          | hostile.pickles("w.npy", hostile.OBJECT)),
    "npy_archive": Reader(_npy_archive, ("w.npy.zip",),
                          lambda folder: npy.read(folder / "w.npy.zip"), damage=_damaged_archive),
    "mat_weights": Reader(_mat_weights, ("w.mat", "net.mat"), _read_mat_weights,
                          lambda folder: hostile.mat("net.mat")),
    "pth": Reader(_pth, ("rows.pth", "zip.pth"), _read_pth, _hostile_pth,
                  damage=_damaged_archive),
    "caffemodel": Reader(_caffe, ("net.caffemodel",),
                         lambda folder: caffe.read(folder / "net.caffemodel"),
                         imports=("google.protobuf.message_factory",)),
    "codes": Reader(_codes, CODES, _read_codes, lambda folder: hostile.npz("binary.npz"),
                    damage=_damaged_archive),
    "faiss": Reader(_indexes, INDEXES, _read_indexes, imports=("faiss",)),
    "model": Reader(_model, ("m/config.json", "m/manifest.json", "m/weights.safetensors"),
                    _read_model),
    "states": Reader(_states, ("checkpoints/ckpt-3.index",
                               "checkpoints/ckpt-3.data-00000-of-00001"),
                     lambda folder: _checkpoints(folder).restore(), damage=_damaged_table),
    "records": Reader(_records, ("history.jsonl", "tensorboard/events.out.tfevents.1"),
                      lambda folder: records.cut(folder, 3)),
    "model_sealed": Reader(_model, ("m/config.json", "m/weights.safetensors"), _read_model,
                           sealed=_list_sums),
    # Those whose imports are large come last: all that follow are forked with them.
    "cifar100": Reader(_cifar100, ("train", "meta"), cifar100.load,
                       lambda folder: hostile.pickles("train") | {
                           f"{case} in meta": {"meta": content}
                           for case, content in hostile.PICKLES.items()},
                       imports=("sklearn.model_selection",)),
    "tf1": Reader(_checkpoint, ("x.ckpt.index", "x.ckpt.data-00000-of-00001"),
                  lambda folder: tf1.read(str(folder / "x.ckpt")), damage=_damaged_table,
                  imports=("tensorflow",)),
}  # fmt: skip
