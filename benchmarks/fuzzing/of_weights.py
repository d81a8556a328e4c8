"""Readers of the weights of other programs."""

import pickle
import zipfile

import numpy as np
import scipy.io

from benchmarks.fuzzing import damages, hostile, tables
from benchmarks.fuzzing.cases import Reader
from tfhash.originals.readers import caffe, mat, npy, pth, tf1

LAYER = {"conv1/kernel": np.ones((2, 2, 3, 4), np.float32), "conv1/bias": np.ones(4, np.float32)}


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


def _pth(folder):
    head = [pickle.dumps(part, 2) for part in (119547037146038801333356, 1001, {})]
    body = hostile._tensor((1,), (1,))
    (folder / "rows.pth").write_bytes(b"".join(head) + body + hostile.KEY + hostile.NUMBER)
    members = {"w/data.pkl": body, "w/data/0": b"\0" * 4, "w/byteorder": b"little"}
    (folder / "zip.pth").write_bytes(hostile.archive(members))


def _read_pth(folder):
    pth.read(folder / "rows.pth")
    pth.read(folder / "zip.pth")


def _caffe(folder):
    def field(number, content):
        return bytes([number << 3 | 2, len(content)]) + content

    blob = field(7, field(1, bytes([2, 1, 2, 2]))) + field(5, np.ones(8, "<f4").tobytes())
    bias = field(7, field(1, bytes([2]))) + field(5, np.ones(2, "<f4").tobytes())
    layer = field(1, b"conv1") + field(7, blob) + field(7, bias)
    (folder / "net.caffemodel").write_bytes(b"\xa2\x06" + bytes([len(layer)]) + layer)


READERS = {
    "npy_weights": Reader(
        _npy_weights,
        ("w.npy",),
        lambda folder: npy.read(folder / "w.npy"),
        lambda folder: hostile.npy("w.npy") | hostile.pickles("w.npy", hostile.OBJECT),
    ),
    "npy_archive": Reader(
        _npy_archive,
        ("w.npy.zip",),
        lambda folder: npy.read(folder / "w.npy.zip"),
        lambda folder: hostile.archives("w.npy.zip"),
        damage=damages.of_archive,
    ),
    "mat_weights": Reader(
        _mat_weights,
        ("w.mat", "net.mat"),
        _read_mat_weights,
        lambda folder: hostile.mat("net.mat"),
    ),
    "pth": Reader(
        _pth,
        ("rows.pth", "zip.pth"),
        _read_pth,
        lambda folder: hostile.pth("rows.pth"),
        damage=damages.of_archive,
    ),
    "caffemodel": Reader(
        _caffe,
        ("net.caffemodel",),
        lambda folder: caffe.read(folder / "net.caffemodel"),
        imports=("google.protobuf.message_factory",),
    ),
    "tf1": Reader(
        _checkpoint,
        ("x.ckpt.index", "x.ckpt.data-00000-of-00001"),
        lambda folder: tf1.read(str(folder / "x.ckpt")),
        lambda folder: tables.hostile("x.ckpt.index"),
        damage=damages.of_table,
        imports=("tensorflow",),
    ),
}
