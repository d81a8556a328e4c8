"""Reads Caffe's .caffemodel files of convolutional networks as `{name: array}`.

They are Protocol Buffers. Only the fields that hold weights are described here; protobuf, which
TensorFlow brings, passes over all others.
"""

import functools
import math

import numpy as np

from tfhash import checks, files

PACKAGE = "tfhash.caffe"
# {message: {field: (number, type)}}: what is read of src/caffe/proto/caffe.proto in BVLC/caffe.
# A packed field of numbers is bytes too, which are taken as they are, not number by number.
MESSAGES = {
    "Net": {"old": (2, "[Old]"), "layer": (100, "[Layer]")},
    "Layer": {"name": (1, "text"), "blobs": (7, "[Blob]")},
    "Old": {"oldest": (1, "Oldest"), "name": (4, "text"), "blobs": (6, "[Blob]")},
    "Oldest": {"name": (1, "text"), "blobs": (50, "[Blob]")},
    "Blob": {
        "sides": (7, "Sides"),
        "data": (5, "[text]"),
        "doubles": (8, "[text]"),
        **{f"side{place}": (place, "whole") for place in (1, 2, 3, 4)},
    },
    "Sides": {"side": (1, "[whole]")},
}


def read(path):
    """The weights of the layers of a network, such as CaffeNet's or AlexNet's, as in an .npy file.

    bvlc_reference_caffenet.caffemodel and bvlc_alexnet.caffemodel fill all variables of the
    backbone `alexnet`: conv1 to conv5, fc6 and fc7; beside them they have fc8, of the 1000 classes
    of ImageNet. CaffeNet pools before it normalises responses, as that backbone does, and AlexNet
    after it. Both were trained on images of 256 x 256 pixels, in BGR of 0 to 255 less the mean
    image of ImageNet, of which they take crops of 227 x 227. Here conv1 takes RGB.

    Returns:
        `{"conv1/kernel": [11, 11, 3, 96], "conv1/bias": [96], ...}` float. The first layer that
        sees all places, fc6, takes them by rows, columns and channels, as Keras flattens them.
    Raises:
        ValueError: the file is missing, damaged, or of another format or kind of network.
    Original: BVLC/caffe, src/caffe/proto/caffe.proto.
    """
    from google.protobuf import message

    with files.opened(path, "a .caffemodel file") as file:
        content = file.read()
    net = _messages()["Net"]()
    try:
        net.ParseFromString(content)
    except message.DecodeError as error:
        raise ValueError(f"`{path}` is not a complete .caffemodel file: {error}.") from error
    layers = [layer.oldest if layer.HasField("oldest") else layer for layer in net.old]
    layers = [layer for layer in (*layers, *net.layer) if layer.blobs]
    if not layers:
        raise ValueError(
            f"Expected a .caffemodel file at `{path}`. It holds no layer with weights."
        )
    arrays, channels = {}, None
    for layer in layers:
        name = layer.name.decode(errors="replace")
        try:
            kernel, bias = _weights(layer.blobs, channels)
        except ValueError as error:
            raise ValueError(
                f"`{path}`: expected weights and biases of a convolution or a linear layer in "
                f"{checks.brief(name)!r}. Received: {error}."
            ) from error
        channels = kernel.shape[3] if kernel.ndim == 4 else None
        arrays |= {f"{name}/kernel": kernel, f"{name}/bias": bias}
    return arrays


def _weights(blobs, channels):
    """The kernel and bias of a layer, as Keras lays them out.

    Args:
        blobs: of the layer.
        channels: of the convolution before it, None where there is none.
    """
    if len(blobs) != 2:
        raise ValueError(f"{len(blobs)} arrays")
    kernel, bias = map(_array, blobs)
    outputs = bias.size
    if kernel.ndim == 4 and kernel.shape[:2] == (1, 1):  # of a linear layer, in old files
        kernel = kernel[0, 0]
    if kernel.ndim not in (2, 4) or len(kernel) != outputs:
        raise ValueError(f"arrays {list(kernel.shape)} and {list(bias.shape)}")
    if kernel.ndim == 4:
        kernel = kernel.transpose(2, 3, 1, 0)
        return (kernel[:, :, ::-1] if kernel.shape[2] == 3 else kernel), bias.ravel()
    if channels:
        inputs = kernel.shape[1]
        side = math.isqrt(inputs // channels)
        if side * side * channels != inputs:
            raise ValueError(f"{inputs} inputs, not a square of {channels} channels")
        places = kernel.reshape(outputs, channels, side, side)
        kernel = places.transpose(0, 2, 3, 1).reshape(outputs, -1)
    return kernel.T, bias.ravel()


def _array(blob):
    sides = list(blob.sides.side) or [blob.side1, blob.side2, blob.side3, blob.side4]
    single, double = b"".join(blob.data), b"".join(blob.doubles)
    stored = np.frombuffer(double, "<f8") if double else np.frombuffer(single, "<f4")
    if len(sides) > 4 or any(side < 1 for side in sides) or math.prod(sides) != stored.size:
        raise ValueError(f"an array {sides[:5]} of {stored.size} numbers")
    return stored.reshape(sides)


@functools.cache
def _messages():
    """`{name: class}` of `MESSAGES`."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    plain = {"text": field.TYPE_BYTES, "whole": field.TYPE_INT64}
    described = descriptor_pb2.FileDescriptorProto(
        name="tfhash/caffe.proto", package=PACKAGE, syntax="proto2"
    )
    for name, members in MESSAGES.items():
        message = described.message_type.add(name=name)
        for member, (number, kind) in members.items():
            one = message.field.add(name=member, number=number)
            one.label = field.LABEL_REPEATED if kind.startswith("[") else field.LABEL_OPTIONAL
            kind = kind.strip("[]")
            one.type = plain.get(kind, field.TYPE_MESSAGE)
            if kind not in plain:
                one.type_name = f".{PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(described)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
        for name in MESSAGES
    }
