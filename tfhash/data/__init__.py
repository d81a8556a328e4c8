"""Datasets as three parts, batches drawn from them, and the pipeline that feeds a training."""

from tfhash.data.lists import FILES
from tfhash.data.loading import load, resolve
from tfhash.data.splits import ArrayImages, FileImages, Split, Splits, check, summary

__all__ = [
    "FILES", "ArrayImages", "FileImages", "Split", "Splits", "check", "load", "resolve", "summary",
]  # fmt: skip
