"""Own images: a folder with one sub-folder per class."""

import os

import numpy as np

from tfhash.data import images, splits

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
QUERY_SHARE, MOST_QUERIES = 0.1, 1000
SIDE = 32  # pixels


def load(folder, image_size=None, seed=0):
    """`Splits` of `folder`/CLASS/IMAGE: a tenth of the images, at most 1000, are queries.

    The database is everything but the queries; `splits.drawn` says how many of it are labelled
    for training. Hidden sub-folders and files of other suffixes are passed over.

    Args:
        folder: the folder; its sub-folders in the order of their names are the classes.
        image_size: (height, width) in pixels that images are resized to; None for 32x32.
        seed: of the split.
    Raises:
        ValueError: no such folder, fewer than two classes, or a class without an image.
    """
    folder = os.path.expanduser(folder)
    if not os.path.isdir(folder):
        raise ValueError(f"Expected a folder with one sub-folder per class at `{folder}`.")
    classes = sorted(
        entry.name for entry in os.scandir(folder) if entry.is_dir() and entry.name[0] != "."
    )
    files = [_files(os.path.join(folder, name)) for name in classes]
    empty = [name for name, paths in zip(classes, files) if not paths]
    if len(classes) < 2 or empty:
        raise ValueError(
            f"`{folder}`: expected at least two sub-folders, each with images "
            f"({' '.join(SUFFIXES)}). Found {len(classes)} sub-folders, without an image: "
            f"{', '.join(empty) or 'none of them'}."
        )
    paths = tuple(path for group in files for path in group)
    labels = np.repeat(np.arange(len(classes)), [len(group) for group in files])
    return splits.drawn(
        f"folder:{folder}",
        classes,
        images.FileImages(paths, image_size or (SIDE, SIDE)),
        labels,
        queries=min(MOST_QUERIES, max(1, round(QUERY_SHARE * len(paths)))),
        seed=seed,
    )


def _files(folder):
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    return [os.path.join(folder, name) for name in names if name.lower().endswith(SUFFIXES)]
