"""Readers of datasets, and of what goes with them."""

import json
import pickle

import numpy as np
import pyarrow
import pyarrow.parquet

from benchmarks.fuzzing import cases, damages, hostile
from benchmarks.fuzzing.cases import Reader
from flags import latent
from tfhash.data import cifar, cifar100, decoding, embeddings, imagenet32, lists, word_vectors

RNG = np.random.default_rng(0)
EMBEDDINGS = ("vectors.npy", "labels.csv", "ids.txt", "all.npz", "all.parquet")


def _dump(path, value, protocol=2):
    path.write_bytes(pickle.dumps(value, protocol))


def _cifar10(folder):
    for number, name in enumerate(cifar.BATCHES):
        batch = {b"data": np.full((2, 3072), number, np.uint8), b"labels": [0, 1]}
        _dump(folder / name, batch | {b"filenames": [b"a.png", b"b.png"]}, 2 + number % 3)


def _cifar100(folder):
    for name in cifar100.FILES:
        rows, labels = np.zeros((20, 3072), np.uint8), [n % 2 for n in range(20)]
        _dump(folder / name, {b"data": rows, b"fine_labels": labels})
    _dump(folder / "meta", {b"fine_label_names": [b"%d" % n for n in range(cifar100.CLASSES)]})


def _hostile_cifar100(folder):
    meta = hostile.pickles("meta")
    return hostile.pickles("train") | {f"{case} in meta": files for case, files in meta.items()}


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
PLUGINS = ("Bmp", "Gif", "Jpeg", "Png", "Ppm")  # that Pillow imports where it opens a file


def _images(folder):
    from PIL import Image

    pixels = RNG.integers(0, 256, (9, 8, 3), np.uint8)
    for name in IMAGES:
        Image.fromarray(pixels).save(folder / name)


def _read_images(folder):
    for name in IMAGES:
        decoding.decode(str(folder / name))
        decoding.check(str(folder / name))


def _word_vectors(folder):
    vectors = RNG.standard_normal((3, 4)).astype("<f4")
    rows = [" ".join(f"{number:.3f}" for number in row) for row in vectors]
    (folder / "table.txt").write_text("\n".join(rows))
    words = ["cat", "polar", "bear"]
    (folder / "glove.txt").write_text("".join(f"{w} {row}\n" for w, row in zip(words, rows)))
    binary = (w.encode() + b" " + row.tobytes() + b"\n" for w, row in zip(words, vectors))
    (folder / "w2v.bin").write_bytes(b"3 4\n" + b"".join(binary))
    (folder / "names.txt").write_text("cat\npolar bear\n")


def _read_word_vectors(folder):
    word_vectors.read_table(folder / "table.txt", classes=3, dim=4)
    classes = word_vectors.names_of(str(folder / "names.txt"))
    for name in ("glove.txt", "w2v.bin"):
        with cases.named("names.txt"):
            word_vectors.of_names(folder / name, classes, dim=4)


def _hostile_word_vectors(folder):
    return {
        "10**5000 words": {"w2v.bin": b"1" + b"0" * 90 + b" 4\n"},
        "a width of 5000 digits": {"glove.txt": b"3 " + b"1" * 5000 + b"\n"},
        "a line of 10 MB": {"table.txt": b"0 " * 5 * 10**6},
        "a word of 10 MB": {"glove.txt": b"a" * 10**7 + b"\n"},
        "bytes": {"table.txt": bytes(range(256)) * 10, "glove.txt": bytes(range(256)) * 10},
    }


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
    for name in ("vectors.npy", "all.npz", "all.parquet"):
        embeddings.load(folder / name)


def _order(folder):
    np.save(folder / "order.npy", np.arange(50))


def _read_order(folder):
    order = cifar.read_order(folder / "order.npy")
    with cases.named("order.npy"):
        cifar.gpq_split(np.arange(50) // 10, order)


def _params(folder):
    params = dict.fromkeys(latent.PARAMS, 3)
    (folder / "params.json").write_text(json.dumps(params))


READERS = {
    "cifar10": Reader(
        _cifar10,
        cifar.BATCHES[:2],
        cifar.read_pickles,
        lambda folder: hostile.pickles("data_batch_1"),
    ),
    "cifar100": Reader(
        _cifar100,
        ("train", "meta"),
        cifar100.load,
        _hostile_cifar100,
        imports=("sklearn.model_selection",),
    ),
    "imagenet32": Reader(
        _imagenet32,
        (imagenet32.BATCHES[0], imagenet32.TEST),
        imagenet32.load,
        lambda folder: hostile.pickles(imagenet32.TEST),
    ),
    "lists": Reader(
        _lists,
        ("train.txt", "test.txt"),
        lambda folder: lists.load("coco", folder),
        _hostile_lists,
    ),
    "class_numbers": Reader(
        _numbered_lists,
        ("train.txt", "test.txt"),
        lambda folder: lists.load("coco", folder),
        _hostile_lists,
    ),
    "images": Reader(
        _images,
        IMAGES,
        _read_images,
        lambda folder: hostile.images("a.png"),
        imports=("cv2", "PIL.ImageOps", *(f"PIL.{kind}ImagePlugin" for kind in PLUGINS)),
    ),
    "word_vectors": Reader(
        _word_vectors,
        ("table.txt", "glove.txt", "w2v.bin", "names.txt"),
        _read_word_vectors,
        _hostile_word_vectors,
    ),
    "embeddings": Reader(
        _embeddings,
        EMBEDDINGS,
        _read_embeddings,
        lambda folder: hostile.npy("vectors.npy") | hostile.npz("all.npz"),
        damage=damages.of_archive,
        imports=("pyarrow.parquet",),
    ),
    "order": Reader(_order, ("order.npy",), _read_order, lambda folder: hostile.npy("order.npy")),
    "params": Reader(
        _params,
        ("params.json",),
        lambda folder: latent.read_params(folder / "params.json"),
        lambda folder: hostile.json("params.json"),
        damage=damages.of_json,
    ),
}
