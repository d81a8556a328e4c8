"""The backbones: a file for each family, found by the names that it gives.

A module of this folder has `NAMES`, the backbones that it knows, and `backbone(name)`, which
makes one of them. A name like "family:MEMBER" is of the module `family`. One whose members are
folders has `checked(name)` too.
"""

import functools
import importlib
import pkgutil

SHARED = ("base",)  # modules that are no family, beside those with an underscore


def _families():
    """The modules of this package that hold backbones."""
    names = (module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)
    chosen = (name for name in names if name not in SHARED and not name.startswith("_"))
    return [importlib.import_module(f"{__name__}.{name}") for name in chosen]


def names():
    """The names of all backbones."""
    return sorted(name for family in _families() for name in family.NAMES)


@functools.cache
def load(name):
    """The `Backbone` of a name; ValueError for an unknown one."""
    return _family(name).backbone(name)


def checked(name):
    """A name as it is stored, with a path that holds from every folder; imports no Keras.

    Raises:
        ValueError: there is no such backbone.
    """
    return _family(name).checked(name) if is_folder(name) else name


def is_folder(name):
    """Whether a name is that of a folder, in which the weights lie too."""
    return hasattr(_family(name), "checked")


def _family(name):
    for family in _families():
        short = family.__name__.rpartition(".")[2]
        if name in family.NAMES or name.startswith(f"{short}:"):
            return family
    raise ValueError(f"Expected a network of {names()}. Received: {name!r}.")
