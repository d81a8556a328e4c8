"""ImageNet weights of keras.applications: their files, and laid out as torchvision's networks."""

import contextlib
import os
import socket

import numpy as np

from tfhash import files

# What Keras' weights are for: BGR in 0..255 less this mean (here in RGB).
KERAS_MEAN = np.array([123.68, 116.779, 103.939])
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
SILENT = 30  # seconds that a server may be silent


def fetch(file):
    """The path of a published file: in Keras' cache, into which it is downloaded if it is missing.

    Args:
        file: has its `name` there, its `url`, and its sum as `digest`, "" for none.
    Raises:
        ValueError: it is missing and can't be downloaded, or it is another one; names the file,
            its sum, and where it is published.
    """
    import keras

    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")
    path = os.path.join(home, "models", file.name)
    about = f"{file.name} ({sum_of(file)}) is published at {file.url}"
    if os.path.isfile(path):
        if file.digest in ("", files.digest(path, _kind(file))):
            return path
        raise ValueError(
            f"`{path}` is not the file that Keras publishes: its sum is another. {about}. Remove "
            "it, or give it as --pretrained=FILE."
        )
    try:
        with patience(SILENT):
            return keras.utils.get_file(
                file.name,
                file.url,
                cache_dir=home,
                cache_subdir="models",
                file_hash=file.digest or None,
            )
    except Exception as error:  # Keras raises a bare Exception where there is no network
        raise ValueError(
            f"`{path}` is missing and can't be downloaded: {error}. {about}. Put it there, or give "
            "its path as --pretrained=FILE."
        ) from error


def sum_of(file):
    """The sum of a published file with its kind, as text."""
    names = {"md5": "MD5", "sha256": "SHA-256"}
    return f"{names[_kind(file)]} {file.digest}" if file.digest else "without a published sum"


def _kind(file):
    return "md5" if len(file.digest) == 32 else "sha256"


@contextlib.contextmanager
def patience(seconds):
    """Within this, a connection that is silent for so long is an error."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def download(name):
    """`{variable: array}` of the network `name` of keras.applications, trained on ImageNet.

    Raises:
        ValueError: its weights can't be downloaded.
    """
    import keras

    try:
        with patience(SILENT):
            model = getattr(keras.applications, name)(weights="imagenet")
    except Exception as error:  # Keras raises a bare Exception where there is no network
        raise ValueError(
            f"The weights of keras.applications.{name} can't be downloaded: {error}. Give a "
            "torchvision .pth file as --pretrained."
        ) from error
    return {variable.path: variable.numpy() for variable in model.variables}


def of_vgg(blocks, arrays):
    """`{variable here: array}` of a VGG, but for its last layer.

    The same function as Keras' but for the borders, where the means of the two differ by half a
    grey level.

    Args:
        blocks: convolutions of each block.
        arrays: `{variable of keras.applications: array}`.
    """
    found, index = {}, 0
    for block, count in enumerate(blocks, 1):
        for number in range(1, count + 1):
            source = f"block{block}_conv{number}"
            found[f"features.{index}/kernel"] = arrays[f"{source}/kernel"]
            found[f"features.{index}/bias"] = arrays[f"{source}/bias"]
            index += 2
        index += 1
    wide = arrays["fc1/kernel"]
    # Keras flattens by row, column, channel; PyTorch by channel, row, column.
    wide = wide.reshape(7, 7, 512, -1).transpose(2, 0, 1, 3).reshape(wide.shape)
    found |= {"classifier.0/kernel": wide, "classifier.0/bias": arrays["fc1/bias"]}
    found["classifier.3/kernel"] = arrays["fc2/kernel"]
    found["classifier.3/bias"] = arrays["fc2/bias"]
    kernel, offset = _for_normalized(found["features.0/kernel"])
    found |= {"features.0/kernel": kernel, "features.0/bias": found["features.0/bias"] + offset}
    return found


def of_resnet(stages, arrays):
    """`{variable here: array}` of a ResNet from 50 layers on, but for its last layer.

    Keras' ResNets have their stride in the first 1x1 convolution, those here in the 3x3: their
    weights are a start for training, not the same function.

    Args:
        stages: blocks of each stage.
        arrays: `{variable of keras.applications: array}`.
    """
    found, kernel = {}, arrays["conv1_conv/kernel"]
    found["conv1/kernel"], offset = _for_normalized(kernel)
    found |= _norm("bn1", arrays, "conv1_bn", arrays["conv1_conv/bias"] + offset)
    for stage, count in enumerate(stages):
        for block in range(count):
            here, source = f"layer{stage + 1}.{block}", f"conv{stage + 2}_block{block + 1}"
            pairs = [(f"{here}.conv{n}", f"{here}.bn{n}", f"{source}_{n}") for n in (1, 2, 3)]
            if block == 0:
                names = (f"{here}.downsample.0", f"{here}.downsample.1", f"{source}_0")
                pairs.append(names)
            for layer, norm, keras_name in pairs:
                found[f"{layer}/kernel"] = arrays[f"{keras_name}_conv/kernel"]
                bias = arrays[f"{keras_name}_conv/bias"]
                found |= _norm(norm, arrays, f"{keras_name}_bn", bias)
    return found


def _norm(name, arrays, source, bias):
    """A batch norm that takes in the bias of the convolution before it, which has none here."""
    leaves = ("gamma", "beta", "moving_mean", "moving_variance")
    found = {f"{name}/{leaf}": arrays[f"{source}/{leaf}"] for leaf in leaves}
    found[f"{name}/moving_mean"] = found[f"{name}/moving_mean"] - bias
    return found


def _for_normalized(kernel):
    """A first kernel for normalised RGB, and what it adds to the bias."""
    rgb = kernel[:, :, ::-1].astype(np.float64)  # [size, size, 3, filters]
    offset = (rgb * (255 * MEAN - KERAS_MEAN)[:, None]).sum(axis=(0, 1, 2))
    scaled = rgb * (255 * STD)[:, None]
    return scaled.astype(np.float32), offset.astype(np.float32)
