"""The networks of keras.applications without their classifiers, as keras:ResNet50.

Reference: keras.io/api/applications, which names the paper of each.
"""

import functools

import numpy as np

from tfhash import hdf5
from tfhash.backbones import base
from tfhash.backbones._keras_files import FILES
from tfhash.backbones.base import Backbone, Pixels
from tfhash.backbones.layers import keras_layers, keras_weights
from tfhash.lazy import keras

PREFIX = "keras:"
NAMES = tuple(f"{PREFIX}{member}" for member in FILES)
CAFFE = Pixels((123.68, 116.779, 103.939), channels="bgr")
SIGNED = Pixels((127.5,) * 3, (127.5,) * 3)  # -1 to 1
HALVES = Pixels((128.0,) * 3, (128.0,) * 3)
PIXELS = {  # what the weights were trained on, by the begin of a name; the first that fits
    "ConvNeXt": base.IMAGENET,
    "DenseNet": base.IMAGENET,
    "EfficientNetB": base.IMAGENET,
    "EfficientNetV2B": base.IMAGENET,
    "EfficientNetV2": HALVES,
    **dict.fromkeys(("ResNet50V2", "ResNet101V2", "ResNet152V2"), SIGNED),
    "ResNet": CAFFE,
    "VGG": CAFFE,
    "": SIGNED,
}
LEAST = {"Inception": 75, "Xception": 71, "": 32}  # pixels of a side, likewise
# Their paddings depend on the side, so that others would be other functions.
SIDES = {"NASNetMobile": (224,), "NASNetLarge": (331,), "": ()}
IMAGENET = "imagenet"  # in place of a path
LEAVES = ("gamma", "beta", "moving_mean", "moving_variance")  # of a batch norm, as Keras has them


def backbone(name):
    """The `Backbone`, by names like keras:ResNet50."""
    member = name.removeprefix(PREFIX)
    file = FILES[member]
    said = f"{file.name} of keras.applications"
    return Backbone(
        name=name,
        features=functools.partial(features, member=member),
        sides=_of(SIDES, member),
        least=_of(LEAST, member),
        pixels=_of(PIXELS, member),
        read=functools.partial(read, file),
        published=said,
        files=(file.name,),
        words={IMAGENET: f"{said} ({keras_weights.sum_of(file)})"},
    )


def _of(table, member):
    return next(value for start, value in table.items() if member.startswith(start))


def features(images, *, member, dtype="float32", dropout=None):
    """`[batch, height, width, 3]` normalised -> `[batch, width]`, the average of the last layer.

    Layers carry Keras' names, or numbers from 0 on where it counts them through the process. The
    layers that normalise pixels are left out.

    Args:
        images: Keras tensor; with a side of None the network is that which Keras makes for images
            of any size.
        member: name of the class of keras.applications.
        dtype: Keras dtype policy.
        dropout: of no effect: what these networks drop is whole blocks.
    """
    make = getattr(keras.applications, member)
    shape = images.shape[1:]
    plain = make(include_top=False, weights=None, pooling="avg", input_shape=shape)
    return keras_layers.rebuilt(plain, images, dtype=dtype, dropout=dropout)


def read(file, path, variables):
    """The weights of an .h5 file, with or without a classifier; of Keras' own for `IMAGENET`.

    They are taken in their order, as Keras does it: the names in old files are others.

    Args:
        file: the `File` that Keras publishes.
        path, variables: as `Backbone.read` takes them.
    """
    path = keras_weights.fetch(file) if path == IMAGENET else path
    stored = [one for one in hdf5.load(path) if not _normalizes(one, path)]
    wanted = sorted(variables, key=_order(variables))
    for name, (layer, weight, array) in zip(wanted, stored):
        if array.shape != tuple(variables[name].shape):
            raise ValueError(
                f"`{path}` holds the weights of another network: {layer}: {weight} "
                f"{list(array.shape)} where {name} {list(variables[name].shape)} is expected. "
                "Choose the network by --img_model."
            )
    if len(stored) < len(wanted):
        raise ValueError(
            f"`{path}` holds {len(stored)} weights. Expected {len(wanted)}: it is of a smaller "
            "network, or not complete."
        )
    arrays = {name: array for name, (_, _, array) in zip(wanted, stored)}
    rest = tuple(f"{layer}: {weight}" for layer, weight, _ in stored[len(wanted) :])
    return base.Weights(arrays, unexpected=rest)


def _order(variables):
    """Sorts names of variables by layers as they stand, and those of a layer as Keras stores it."""
    layers = list(dict.fromkeys(name.rpartition("/")[0] for name in variables))
    places = {layer: place for place, layer in enumerate(layers)}
    leaves = {leaf: place for place, leaf in enumerate(LEAVES)}

    def key(name):
        layer, _, leaf = name.rpartition("/")
        return places[layer], leaves.get(leaf, -1)

    return key


def _normalizes(one, path):
    """Whether a stored weight is of a layer that normalises pixels, as `Pixels` does it here.

    Raises:
        ValueError: it does it otherwise.
    """
    layer, weight, array = one
    if not layer.startswith("normalization"):
        return False
    mean, std = (np.array(numbers) / 255 for numbers in (base.IMAGENET.mean, base.IMAGENET.std))
    # EfficientNet's files have the deviation in place of the variance, which Keras sets right.
    known = {"mean": (mean,), "variance": (std, std**2)}.get(_leaf(weight), ())
    if known and not any(np.allclose(array, values, atol=1e-3) for values in known):
        raise ValueError(
            f"`{path}` normalises pixels by other numbers than those of ImageNet: {layer}: "
            f"{weight} is {array}."
        )
    return True


def _leaf(weight):
    return weight.rpartition("/")[2].partition(":")[0]
