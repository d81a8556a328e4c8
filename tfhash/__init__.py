"""Deep hashing and quantization for image retrieval on TensorFlow 2 and Keras 3."""

import os

# TensorFlow turns oneDNN on by itself on some processors only. It halves the CPU seconds of a
# convolution on all of them. Set before TensorFlow runs its first operation.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# Threads of OpenMP (scikit-learn's, FAISS') wait asleep, not in a loop that takes the processor
# from everything else: t-SNE on a busy machine takes a third of the CPU seconds.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# The most pixels that OpenCV decodes, as MOST_PIXELS of tfhash/data/decoding.py; its own limit is
# ten times as many. It looks when it is loaded, which Keras does.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", "110000000")

__version__ = "0.2.0"

# {public name: where it is}. TensorFlow is imported when one is first used.
_PUBLIC = {
    "Index": "tfhash.retrieval.index.Index",
    "embed": "tfhash.embedding.embed.embed",
    "evaluate": "tfhash.api.evaluate",
    "load": "tfhash.api.load",
    "load_codes": "tfhash.retrieval.codes.load",
    "train": "tfhash.api.train",
}


def __getattr__(name):
    import importlib

    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _PUBLIC[name].rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def __dir__():
    return sorted(_PUBLIC)
