"""TensorFlow, Keras and FAISS, imported when first used.

TensorFlow takes five seconds to import, and a method's settings, which a command needs to show
its help or to name a mistake, lie in one file with the method. So nothing in tfhash imports
TensorFlow or Keras by itself: all take them from here,

    from tfhash.lazy import keras, tf

but for the modules that derive classes from theirs. These import them, and their package makes
them lazy by `module`.
"""

import importlib.util
import sys
import types
import typing


class _Stand(types.ModuleType):
    """Stands for the module of a name, which is imported when an attribute is first used."""

    def __getattr__(self, name):
        return getattr(importlib.import_module(self.__name__), name)


if typing.TYPE_CHECKING:  # editors see the modules themselves
    import faiss
    import keras
    import tensorflow as tf
else:
    faiss, keras, tf = _Stand("faiss"), _Stand("keras"), _Stand("tensorflow")


def module(name):
    """The module of a name, which runs when an attribute of it is first used.

    As the documentation of `importlib.util.LazyLoader` does it. TensorFlow and Keras import one
    another half way, which breaks there: therefore `_Stand`.
    """
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.find_spec(name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    made = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made
