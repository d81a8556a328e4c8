"""Twenty-four tiny images in three parts, for the tests of what is done with such parts."""

import dataclasses

import numpy as np

from tfhash.data import images, splits


def pool(count, size=2):
    pixels = np.zeros((count, size, size, 3), np.uint8)
    pixels[:, 0, 0, 0] = np.arange(count)
    return images.ArrayImages(pixels)


def with_labels(part, labels):
    return dataclasses.replace(part, labels=np.asarray(labels, np.uint8))


def small():
    """24 images of 3 classes: 6 queries, 9 labelled and 9 unlabelled ones."""
    numbers = np.arange(24)
    parts = {"labelled": numbers[6:15], "unlabelled": numbers[15:]}
    parts |= {"query": numbers[:6], "database": numbers[6:]}
    return splits.of_indices("small", ["a", "b", "c"], pool(24), numbers % 3, **parts)
