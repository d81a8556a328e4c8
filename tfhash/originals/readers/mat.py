"""Reads MATLAB 5 files of weights as `{name: array}`."""

import numpy as np

from tfhash import checks, matlab


def read(path):
    """The variables of a MATLAB 5 file, by their TF1 names without the `:0`, squeezed.

    Raises:
        ValueError: the file is missing, damaged, or holds something other than arrays of numbers;
            names it.
    """
    arrays = {name.removesuffix(":0"): value for name, value in matlab.load(path).items()}
    for name, value in arrays.items():
        if not _is_numeric(value):
            raise ValueError(
                f"`{path}`: expected arrays of numbers. Received: {checks.brief(name)}, "
                f"{_described(value)}."
            )
    return {name: np.squeeze(array) for name, array in arrays.items()}


def read_matconvnet(path):
    """The layers of a network of MatConvNet, as its imagenet-caffe-alex.mat, as in an .npy file.

    That is the AlexNet of Caffe's authors, which fills all variables of the backbone `alexnet`:
    conv1 to conv5, fc6 and fc7. Beside them the file has fc8, of the 1000 classes of ImageNet.

    It was trained on images of 256 x 256 pixels, whatever their shape had been, resized by cubic
    interpolation, in RGB of 0 to 255 less the mean image of ImageNet (`averageImage` in the file;
    this reader leaves it out, and the backbone takes the mean colour), of which it takes crops of
    227 x 227. Its responses are normalised before they are pooled.

    Returns:
        `{"conv1/kernel": [11, 11, 3, 96], "conv1/bias": [96], ...}` float; fc6 is a convolution
        of 6 x 6 there and `[9216, 4096]` here, of rows, columns and channels in this order.
    Raises:
        ValueError: the file is missing, damaged or not a network of MatConvNet; names it.
    Original: vlfeat/matconvnet, utils/import-caffe.py, matlab/simplenn/vl_simplenn_tidy.m.
    """
    layers = matlab.load(path).get("layers")
    if not isinstance(layers, np.ndarray) or layers.dtype != object:
        raise ValueError(
            f"Expected a network of MatConvNet in `{path}`, with its layers in a cell array "
            f"`layers`. Received: {_described(layers)} there."
        )
    arrays = {}
    for layer in layers.ravel():
        parts = _weights(layer)
        if parts:
            arrays |= _of_layer(_text(_field(layer, "name")), parts, path)
    if not arrays:
        raise ValueError(f"Expected layers with weights in `{path}`. None of {layers.size} has.")
    return arrays


def _of_layer(name, parts, path):
    """`{variable: array}` of a layer with `parts`, filters and biases."""
    numeric = len(parts) == 2 and all(map(_is_numeric, parts))
    kernel, bias = parts if numeric else (np.empty(0), np.empty(0))
    kernel = kernel.reshape(*kernel.shape, *[1] * (4 - kernel.ndim))  # MATLAB keeps no last 1
    if not numeric or kernel.ndim != 4 or kernel.shape[3] != bias.size:
        raise ValueError(
            f"`{path}`: expected filters [height, width, channels, outputs] and a bias for each "
            f"output in the layer {checks.brief(name)!r}. Received: "
            f"{', '.join(map(_described, parts))}."
        )
    if name.startswith("fc"):
        kernel = kernel.reshape(-1, kernel.shape[3])
    return {f"{name}/kernel": kernel, f"{name}/bias": bias.ravel()}


def _weights(layer):
    """The filters and biases of a layer, of files since 2015 and before; None of other layers."""
    weights = _field(layer, "weights")
    if isinstance(weights, np.ndarray) and weights.dtype == object and weights.size:
        return list(weights.ravel())
    old = [_field(layer, "filters"), _field(layer, "biases")]
    return None if any(part is None for part in old) else old


def _field(struct, name):
    """The value of a field of a MATLAB struct; None where there is none."""
    fields = struct.dtype.names if isinstance(struct, np.ndarray) and struct.size == 1 else None
    return struct[name].ravel()[0] if fields and name in fields else None


def _text(value):
    """What a MATLAB string holds."""
    is_text = isinstance(value, np.ndarray) and value.dtype.kind == "U" and value.size == 1
    return str(value.ravel()[0]) if is_text else "?"


def _is_numeric(value):
    return isinstance(value, np.ndarray) and value.dtype.kind in "fiu"


def _described(value):
    shape = f" {list(value.shape)}" if isinstance(value, np.ndarray) else ""
    return f"{getattr(value, 'dtype', type(value).__name__)}{shape}"
