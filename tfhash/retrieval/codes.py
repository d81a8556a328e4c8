"""The kinds of codes under one name, and `load` for a file of any kind."""

from tfhash.retrieval.additive import AdditiveCodes
from tfhash.retrieval.base import Codes
from tfhash.retrieval.binary import BinaryCodes
from tfhash.retrieval.buckets import BucketCodes
from tfhash.retrieval.floats import FloatCodes
from tfhash.retrieval.product import ProductCodes
from tfhash.retrieval.products import DISTANCES
from tfhash.retrieval.quantized import QuantizedCodes
from tfhash.retrieval.rabitq import RaBitQCodes
from tfhash.retrieval.reranked import RerankedCodes
from tfhash.retrieval.table import TableCodes

__all__ = [
    "DISTANCES",
    "AdditiveCodes",
    "BinaryCodes",
    "BucketCodes",
    "Codes",
    "FloatCodes",
    "ProductCodes",
    "QuantizedCodes",
    "RaBitQCodes",
    "RerankedCodes",
    "TableCodes",
    "load",
]


def load(path):
    """The codes in an .npz file, of the kind that the file names.

    Raises:
        ValueError: the file is truncated, of another format, or of an unknown kind.

    >>> import numpy as np, tfhash
    >>> model = tfhash.load("models/48bits")
    >>> model.encode(np.zeros((2, 20, 30, 3), np.uint8)).save("codes.npz")
    >>> len(tfhash.load_codes("codes.npz"))
    2
    """
    return Codes.load(path)
