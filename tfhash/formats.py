"""Model directories of earlier versions, brought up to date when they are read."""

CIFAR10 = {"mean": [125.642, 123.738, 114.46], "std": [63.01, 62.157, 66.94], "channels": "rgb"}
CAFFE = {"mean": [123.68, 116.779, 103.939], "std": [58.0] * 3, "channels": "rgb"}
IMAGENET = {
    "mean": [0.485 * 255, 0.456 * 255, 0.406 * 255],
    "std": [0.229 * 255, 0.224 * 255, 0.225 * 255],
    "channels": "rgb",
}
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
    if version == 1:
        settings = _from_1(settings)
    method, config = settings.get("method"), settings.get("config")
    if isinstance(method, str) and isinstance(config, dict):
        settings = settings | {"config": ADDED.get(method, {}) | config}
    return settings


def _from_1(settings):
    method, config = settings.get("method"), dict(settings.get("config") or {})
    on_alexnet = config.get("img_model") == "alexnet"
    if method == "latent" and on_alexnet:
        config["img_model"] = "bvlc_alexnet"
    own = on_alexnet and method not in ("gpq", "hashnet")
    pixels = None if own else PIXELS_1.get(method)
    return settings | {"config": config, "input": {"size": None, "pixels": pixels}}


REQUIRED = {
    "method": str,
    "config": dict,
    "classes": list,
    "precision": str,
    "seed": int,
    "input": dict,
}


def checked(settings, path):
    """A copy of the settings of a config.json; ValueError where a key is missing or of a type
    that it can't have."""
    for name, kind in REQUIRED.items():
        if name not in settings:
            raise ValueError(f"`{path}/config.json` lacks {name!r}.")
        if not isinstance(settings[name], kind):
            raise ValueError(
                f"`{path}/config.json`: expected {name!r} of type {kind.__name__}. "
                f"Received: {settings[name]!r:.60}."
            )
    return dict(settings)
