"""Datasets as three parts, batches drawn from them, and the pipeline that feeds a training."""

from tfhash.data.checks import check, summary
from tfhash.data.cifar import read_order
from tfhash.data.images import ArrayImages, FileImages
from tfhash.data.lists import FILES
from tfhash.data.loading import LISTED, check_name, load, ready, resolve
from tfhash.data.splits import Split, Splits, unreadable

__all__ = ["FILES", "LISTED", "ArrayImages", "FileImages", "Split", "Splits"]
__all__ += ["check", "check_name", "load", "read_order", "ready", "resolve", "summary"]
__all__ += ["unreadable"]
