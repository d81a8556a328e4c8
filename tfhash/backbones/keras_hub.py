"""Backbones of KerasHub in a folder: keras_hub:FOLDER, in Keras', Hugging Face's or timm's format.

ViT, DINOv2, DINOv3, SigLIP, CLIP, ResNet and whatever else KerasHub has for images. Nothing is
downloaded. They take images of the side that the folder's image converter makes.
"""

import collections
import functools
import importlib.util
import json
import os
import re

import numpy as np

from tfhash import checks, files
from tfhash.backbones import base
from tfhash.backbones.base import Backbone, Pixels
from tfhash.data import keras_resizing
from tfhash.lazy import keras

NAMES = ()  # they are folders
PREFIX = "keras_hub:"
INSTALL = "pip install 'keras-hub>=0.32,<1', as the extra hub of tfhash does it"
CONFIG = "config.json"
TOKENS = ("class", "mean")  # ends of a name: the class token, or the mean of the patches
PRESET = "preset"  # the word for the weights in the folder, and the name of the network
PREPROCESSOR = "preprocessor_config.json"  # of Hugging Face
MOST = 2**20  # bytes of it
RESAMPLE = {0: "nearest", 1: "lanczos3", 2: "bilinear", 3: "bicubic"}  # Pillow's numbers
SEEDS = "/seed_generator_state"  # ends the names of what Keras' dropout draws by


def checked(name):
    """The name with the absolute path of its folder; imports neither Keras nor KerasHub.

    Raises:
        ValueError: there is no such folder.
        ImportError: KerasHub is not installed.
    """
    folder, token = _parts(name)
    folder = os.path.abspath(os.path.expanduser(folder))
    if not os.path.isfile(os.path.join(folder, CONFIG)):
        raise ValueError(
            f"Expected a folder with a {CONFIG} at `{folder}`, a preset of KerasHub, Hugging Face "
            f"or timm. Received: img_model={name!r}. Nothing is downloaded: copy it there first."
        )
    if importlib.util.find_spec("keras_hub") is None:
        raise ImportError(f"--img_model={name} needs KerasHub: {INSTALL}")
    return PREFIX + folder + (f":{token}" if token else "")


def backbone(name):
    """The `Backbone`, by names like keras_hub:FOLDER and keras_hub:FOLDER:mean."""
    folder, token = _parts(checked(name))
    converter = _converter(folder)
    height, width = converter.image_size
    if height != width:
        raise ValueError(
            f"Expected an image converter of square images in `{folder}`. Received one of "
            f"{height}x{width}."
        )
    fit = "crop" if converter.crop_to_aspect_ratio else "stretch"
    fit = "pad" if converter.pad_to_aspect_ratio else fit
    return Backbone(
        name=name,
        features=functools.partial(features, folder=folder, side=height, token=token),
        sides=(height,),
        resize=keras_resizing.name_of(converter.interpolation, fit, converter.antialias),
        pixels=_pixels(converter),
        read=functools.partial(read, folder, height),
        words={PRESET: f"those of the preset in {folder}"},
        begins=PRESET,
    )


def _parts(name):
    """The folder and the token of a name, "" for none."""
    path = name.removeprefix(PREFIX)
    folder, _, last = path.rpartition(":")
    return (folder, last) if folder and last in TOKENS else (path, "")


def _converter(folder):
    """The image converter of a preset, which must have a size."""
    import keras_hub

    make = keras_hub.layers.ImageConverter
    try:
        converter = make.from_preset(folder) or make(**_of_hugging_face(folder))
    except Exception as error:  # of any kind: it depends on what the files hold
        raise ValueError(
            f"Expected an image converter in `{folder}`, as `save_to_preset` of KerasHub writes "
            f"it, or a {PREPROCESSOR}: {checks.brief(error)}."
        ) from error
    if converter.image_size is None:
        raise ValueError(f"Expected an image converter with a size in `{folder}`.")
    return converter


def _of_hugging_face(folder):
    """The arguments of an image converter by a preprocessor_config.json, as KerasHub makes them.

    KerasHub itself reads that file for a few kinds of networks only.
    """
    path = os.path.join(folder, PREPROCESSOR)
    config = json.loads(files.read(path, "settings of a preprocessor", most=MOST))
    cropped = config.get("do_center_crop", False)
    size = config["crop_size" if cropped else "size"]
    size = size if isinstance(size, dict) else {"height": size, "width": size}
    square = [size.get("shortest_edge")] * 2
    factor = config.get("rescale_factor", 1 / 255)
    std = config["image_std"]
    return {
        "image_size": (size.get("height", square[0]), size.get("width", square[1])),
        "scale": [factor / one for one in std],
        "offset": [-mean / one for mean, one in zip(config["image_mean"], std)],
        "interpolation": RESAMPLE[config.get("resample", 2)],
        "antialias": True,  # as Pillow does it, which that file is about
        "crop_to_aspect_ratio": cropped or "shortest_edge" in size,
    }


def _pixels(converter):
    """The `Pixels` of an image converter, which takes pixel * scale + offset."""
    scale = np.broadcast_to(1.0 if converter.scale is None else converter.scale, 3)
    offset = np.broadcast_to(0.0 if converter.offset is None else converter.offset, 3)
    mean, std = (-offset / scale).tolist(), (1 / scale).tolist()
    return Pixels(tuple(mean), tuple(std))


# ---- the network


def features(images, *, folder, side, token, dtype="float32", dropout=None):
    """`[batch, side, side, 3]` normalised -> `[batch, width]`, the outputs of the preset.

    Of a sequence of tokens that is the class token, which goes first, or the mean of the patches
    where there is none. Departure: no layer drops anything, and batch norms keep their statistics;
    so N replicas are one.

    Args:
        images: Keras tensor.
        folder: of the preset.
        side: in pixels, of the images.
        token: one of `TOKENS`; "" for the class token where there is one.
        dtype: Keras dtype policy.
        dropout: of no effect.
    """
    model = _calm(_preset(folder, side, weights=False), dtype)
    if hasattr(model, "get_vision_embeddings"):  # of images and texts
        outputs = model.get_vision_embeddings(images)
    else:
        by_name = isinstance(model.input, dict)
        outputs = model(dict.fromkeys(model.input, images) if by_name else images)
    if len(outputs.shape) == 3:
        return _of_tokens(outputs, token, _patches(model, side), dtype)
    if token == "class" or (token and len(outputs.shape) == 2):
        raise ValueError(
            f"`{folder}` gives no tokens, but {list(outputs.shape)[1:]} numbers for an image. "
            f"Leave :{token} out of --img_model."
        )
    if len(outputs.shape) == 4:
        return keras.layers.GlobalAveragePooling2D(dtype=dtype, name="mean")(outputs)
    return outputs


def _of_tokens(outputs, token, patches, dtype):
    """The class token, or the mean of the patches: `[batch, width]` of `[batch, tokens, width]`."""
    others = max(0, outputs.shape[1] - patches)  # the class token, and registers behind it
    if token == "class" and not others:
        raise ValueError("The preset has no class token. Use :mean in place of :class.")
    if others and token != "mean":
        return outputs[:, 0]
    return keras.layers.GlobalAveragePooling1D(dtype=dtype, name="mean")(outputs[:, others:])


def _patches(model, side):
    """How many patches of a transformer an image of `side` pixels has."""
    size = getattr(model, "patch_size", 1)
    return (side // (size if isinstance(size, int) else size[0])) ** 2


def _preset(folder, side, *, weights):
    """The KerasHub model of a preset, for images of `side` pixels where it can be of any."""
    import keras_hub

    make = functools.partial(keras_hub.models.Backbone.from_preset, folder)
    try:
        sized = "image_shape" in make(load_weights=False).get_config()
        return make(load_weights=weights, **({"image_shape": (side, side, 3)} if sized else {}))
    except Exception as error:  # of any kind: it depends on what the files hold
        raise ValueError(f"The preset in `{folder}` can't be read: {error}") from error


def _calm(model, dtype):
    """A new network like a KerasHub model, which draws no random numbers in training.

    The names of its variables do not depend on what was built before.
    """
    config = _without_dropout(model.get_config(), dtype) | {"name": PRESET}
    made = type(model).from_config(config)
    drawn = [variable.path for variable in made.variables if variable.path.endswith(SEEDS)]
    if drawn:
        raise ValueError(f"Expected a preset that can be trained without dropout. It has {drawn}.")
    for layer in made._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    _name(made.variables)
    return made


def _name(variables):
    """Counts variables without a name by layer, which Keras counts through the process."""
    counts = collections.Counter()
    for variable in variables:
        layer, _, leaf = variable.path.rpartition("/")
        if re.fullmatch(r"variable(_\d+)?", leaf):
            variable._path = f"{layer}/variable_{counts[layer]}"
            counts[layer] += 1


def _without_dropout(config, dtype):
    """A configuration, and those within it, with rates of 0 and of a dtype."""
    if not isinstance(config, dict):
        return config
    changed = {name: _without_dropout(value, dtype) for name, value in config.items()}
    rates = [name for name in config if "drop" in name and isinstance(config[name], float)]
    return changed | dict.fromkeys(rates, 0.0) | ({"dtype": dtype} if "dtype" in config else {})


def read(folder, side, path, variables):
    """The weights of the preset.

    Args:
        folder, side: of the preset and its images.
        path: `PRESET`; there are no others.
        variables: `{name: variable}` of the backbone.
    """
    if path != PRESET:
        raise ValueError(
            f"The weights of {PREFIX}{folder} lie in that folder. Received: --pretrained={path}. "
            "Leave it out."
        )
    stored = _preset(folder, side, weights=True)
    names = [variable.path for variable in _calm(stored, "float32").variables]
    arrays = [v.numpy() for v in stored.variables if not v.path.endswith(SEEDS)]
    known = dict(zip(names, arrays, strict=True))
    return base.Weights({name: known[name] for name in variables})
