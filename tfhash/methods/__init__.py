"""The methods, one file or folder each, found by their names."""

import importlib
import pkgutil


def names():
    """Names of all methods: the modules of this package without `base` and private ones."""
    modules = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in modules if name != "base" and not name.startswith("_"))


def load(name):
    """The module of a method: its `Config` and its `Method`. ValueError for an unknown name."""
    if name not in names():
        raise ValueError(f"Expected `method` to be one of {names()}. Received: {name!r}.")
    return importlib.import_module(f"{__name__}.{name}")
