"""What stands in a config.json: of earlier versions brought up to date, and checked."""

import reprlib
import sys

CIFAR10 = {"mean": [125.642, 123.738, 114.46], "std": [63.01, 62.157, 66.94], "channels": "rgb"}
CAFFE = {"mean": [123.68, 116.779, 103.939], "std": [58.0] * 3, "channels": "rgb"}
IMAGENET = {
    "mean": [0.485 * 255, 0.456 * 255, 0.406 * 255],
    "std": [0.229 * 255, 0.224 * 255, 0.225 * 255],
    "channels": "rgb",
}
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16", "float64")
SEEDS = 2**32  # that Keras takes
LONGEST = 2**16  # pixels of a side
# How format 1 normalised images, by method: on alexnet as the backbone does, on others so.
PIXELS_1 = {"gpq": CIFAR10, "hashnet": IMAGENET} | dict.fromkeys(
    ("dch", "dhn", "dqn", "dtq", "dvsq", "latent"), CAFFE
)
# Settings that came later than a format, with what was done before, by method.
AS_STORED = {"upright": False}
ADDED = {
    "hashnet": AS_STORED | {"legacy_crops": False, "continous_similarity": False},
    "csq": AS_STORED | {"legacy_crops": False},
    "latent": AS_STORED,
}


def upgraded(settings, version):
    """The settings of a config.json of a format version, as the present version writes them."""
    if version == 1 and _is_text(settings.get("method")) and _is_object(settings.get("config")):
        settings = _from_1(settings)
    method, config = settings.get("method"), settings.get("config")
    if isinstance(method, str) and isinstance(config, dict):
        settings = settings | {"config": ADDED.get(method, {}) | config}
    return settings


def _from_1(settings):
    method, config = settings["method"], dict(settings["config"])
    on_alexnet = config.get("img_model") == "alexnet"
    if method == "latent" and on_alexnet:
        config["img_model"] = "bvlc_alexnet"
    own = on_alexnet and method not in ("gpq", "hashnet")
    pixels = None if own else PIXELS_1.get(method)
    return settings | {"config": config, "input": {"size": None, "pixels": pixels}}


def _is_text(value):
    return isinstance(value, str)


def _is_object(value):
    return isinstance(value, dict)


def _is_number(value):
    known = isinstance(value, (int, float)) and not isinstance(value, bool)
    return known and abs(value) <= sys.float_info.max  # no NaN either


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < SEEDS


def _is_list(value, of, lengths=None):
    known = isinstance(value, list) and (lengths is None or len(value) in lengths)
    return known and all(map(of, value))


def _is_input(value):
    """Whether it is the size of images, [height, width] or null, and how they are normalised."""
    if not _is_object(value) or set(value) != {"size", "pixels"}:
        return False
    size, pixels = value["size"], value["pixels"]
    if size is not None and not (_is_list(size, _is_count, (2,)) and 0 < max(size) <= LONGEST):
        return False
    if pixels is None:
        return True
    return (
        _is_object(pixels)
        and set(pixels) == {"mean", "std", "channels"}
        and pixels["channels"] in ("rgb", "bgr")
        and _is_list(pixels["mean"], _is_number, (3,))
        and (pixels["std"] is None or _is_list(pixels["std"], _is_number, (3,)))
    )


# What stands in a config.json: (key, whether it must, whether a value is right, what is expected).
RULES = (
    ("method", True, _is_text, "a name"),
    ("config", True, _is_object, "the settings of the method"),
    ("classes", True, lambda value: _is_list(value, _is_text), "a list of names"),
    ("precision", True, lambda value: value in PRECISIONS, f"one of {PRECISIONS}"),
    ("seed", True, _is_count, "an integer of 0 to 2**32 - 1"),
    ("input", True, _is_input, "the size of images and how pixels are normalised"),
    ("data", False, _is_object, "the settings of the data"),
    ("steps_per_epoch", False, lambda value: _is_count(value) and value, "an integer of 1 on"),
    ("place", False, _is_object, "where the directory was made"),
)


def checked(settings, path):
    """A copy of the settings of a config.json; ValueError where a key is missing or of a value
    that it can't have. The settings of the method are checked by its `Config`."""
    for name, needed, is_right, expected in RULES:
        if name not in settings and needed:
            raise ValueError(f"`{path}/config.json` lacks {name!r}.")
        if name in settings and not is_right(settings[name]):
            raise ValueError(
                f"`{path}/config.json`: expected {name!r} to be {expected}. "
                f"Received: {reprlib.repr(settings[name])}."
            )
    return dict(settings)
