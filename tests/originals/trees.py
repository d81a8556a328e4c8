"""Small data laid out as the originals' READMEs say, a function for each: it fills a folder."""

import pathlib
import pickle

import cv2
import numpy as np
import scipy.io

from tests import golden
from tests.originals import torch_writer
from tfhash.data import cifar, imagenet32
from tfhash.originals.readers import tf1

PARTS = {"train": range(24), "test": range(24, 32), "database": range(32, 48)}
CLASSES = 10


def one_hot(row):
    """The labels of an image, of one class."""
    return " ".join(str(int(row % CLASSES == number)) for number in range(CLASSES))


def write_lists(folder, names, *, inside="", lists=PARTS):
    """48 images in a folder, and lists of them.

    Args:
        folder: is made.
        names: of an image, with `{}` for its number.
        inside: what stands before the names in the lists.
        lists: `{list without .txt: numbers of its images}`.
    """
    folder = pathlib.Path(folder)
    for number, image in enumerate(golden.seeded.images(1, 48, 24, 32)):
        path = folder / names.format(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image)
    for name, rows in lists.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{inside}{names.format(row)} {one_hot(row)}\n" for row in rows]
        (folder / f"{name}.txt").write_text("".join(lines))


def write_batch(path, label_name, labels):
    """A pickle of random images of 32 pixels, in the layout of CIFAR's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (len(labels), 3072), dtype=np.uint8)
    path.write_bytes(pickle.dumps({b"data": pixels, label_name: list(labels)}, protocol=2))


def gpq(root):
    """Pickles, which images of them are similar, and a trained model."""
    labels = np.arange(120) % CLASSES
    for name, part in zip(cifar.BATCHES, np.split(labels, 6)):
        write_batch(root / "cifar10" / name, b"labels", part.tolist())
    _, database, query = cifar.gpq_split(labels)
    similar = (labels[query][:, None] == labels[database]).astype(np.uint8)
    scipy.io.savemat(root / "cifar10/cifar10_Similarity.mat", {"label_Similarity": similar})
    (root / "models").mkdir()
    arrays = golden.weights("gpq").build(150)
    arrays = {name.removesuffix(":0"): array for name, array in arrays.items()}
    tf1.write(root / "models/48bits_example.ckpt", arrays)


def deephash(root):
    """The lists and the images of CIFAR-10, word vectors, and the folders of the examples."""
    write_lists(root / "data/cifar10", "train/{}.jpg")
    words = np.random.default_rng(0).standard_normal((CLASSES, 300))
    np.savetxt(root / "data/cifar10/cifar10_wordvec.txt", words)
    for name in ("dch", "dhn", "dqn", "dtq", "dvsq"):
        (root / "examples" / name).mkdir(parents=True)


def hash_tables(root):
    """CIFAR-100 and downsampled ImageNet, of ten classes."""
    for name, count in (("train", 200), ("test", 20)):
        labels = [number % CLASSES for number in range(count)]
        write_batch(root / "dataset/cifar-100-python" / name, b"fine_labels", labels)
    for name in (*imagenet32.BATCHES, imagenet32.TEST):
        labels = [1 + number % CLASSES for number in range(20)]
        write_batch(root / "dataset/Imagenet32" / name, b"labels", labels)


def latent(root):
    """The lists and the images of CIFAR-10."""
    write_lists(root / "data/cifar10", "train/{}.jpg")


def hashnet(root):
    """COCO's lists, with whole paths, and the folder of the scripts."""
    folder = root / "pytorch/data/coco"
    write_lists(folder, "train2014/{}.jpg", inside=f"{folder}/")
    (root / "pytorch/src").mkdir()


def caffe(root):
    """COCO, with the lists of a test in eight parts and paths from the folder caffe on."""
    folder = root / "caffe/data/coco"
    parts = {"train": PARTS["train"]}
    parts |= {f"test/test{number}": [24 + number] for number in range(8)}
    parts |= {f"test/database{number}": range(32 + number, 48, 8) for number in range(8)}
    write_lists(folder, "train2014/{}.jpg", inside="./data/coco/", lists=parts)


# ---- published weights, by hand


def gpq_weights(root):
    arrays = golden.weights("gpq").build(160)
    published = {name: a for name, a in arrays.items() if name.startswith("Fixed_VGG/")}
    scipy.io.savemat(root / "models/ImageNet_pretrained.mat", published)


def alexnet_weights(path, width=None):
    """An .npy file of AlexNet, with a last layer of a width or without."""
    path.parent.mkdir(parents=True)
    layers = golden.weights("deephash").alexnet(1, width)
    np.save(path, np.array(layers, object), allow_pickle=True)


def deephash_weights(root):
    alexnet_weights(root / "DeepHash/architecture/pretrained_model/reference_pretrain.npy")


def latent_weights(root):
    alexnet_weights(root / "data/pretrained_alexnet/bvlc_alexnet.npy", 1000)


def hashnet_weights(root):
    """Where PyTorch keeps what it downloads, with `root` as the home."""
    arrays = golden.weights("hashnet").build("resnet50", 7, 4)
    arrays = {name.replace("hash_layer", "fc"): array for name, array in arrays.items()}
    path = root / ".torch/models/resnet50-19c8e357.pth"
    path.parent.mkdir(parents=True)
    torch_writer.write_published(path, arrays)
