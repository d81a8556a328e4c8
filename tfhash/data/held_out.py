"""Datasets of which a part of the training images is held out to validate with."""

import numpy as np

from tfhash.data import images, splits


def of_parts(dataset, classes, pixels, labels, *, trained, held, query, image_size=None):
    """`Splits`: train is what is trained with, and without a label what is held out.

    The database is what is trained with.

    Args:
        dataset: its name.
        classes: names of the classes.
        pixels: `[n, height, width, 3]` uint8 RGB.
        labels: `[n]` class numbers.
        trained, held, query: positions.
        image_size: (height, width) in pixels; None for the images' own.
    """
    pool, trained = images.ArrayImages(pixels, image_size), np.sort(trained)
    parts = {"labelled": trained, "unlabelled": np.sort(held), "database": trained}
    return splits.of_indices(dataset, classes, pool, labels, query=query, **parts)
