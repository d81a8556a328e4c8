"""Own images: a folder with one sub-folder per class."""

import dataclasses
import os

import numpy as np

from tfhash.data import images, splits
from tfhash.data.image_files import image_files

QUERY_SHARE, MOST_QUERIES = 0.1, 1000
SIDE = 32  # pixels


def load(folder, image_size=None, seed=0):
    """`Splits` of the images below each `folder`/CLASS, a tenth of them, at most 1000, as queries.

    The database is everything but the queries; `splits.drawn` says how many of it are labelled
    for training. What is passed over, and classes without an image, stand in the notes.

    Args:
        folder: the folder; its sub-folders in the order of their names are the classes, whose
            images may lie at any depth, see `image_files`.
        image_size: (height, width) in pixels that images are resized to; None for 32x32.
        seed: of the split.
    Raises:
        ValueError: no such folder, or fewer than two classes with images.
    """
    folder = os.path.expanduser(folder)
    if not os.path.isdir(folder):
        raise ValueError(f"Expected a folder with one sub-folder per class at `{folder}`.")
    listing = image_files(folder)
    groups, loose = _by_class(listing.paths, folder)
    classes = sorted(groups)
    notes = _notes(folder, classes, loose) + listing.lines()
    if len(classes) < 2:
        raise ValueError(
            f"Expected at least two sub-folders with images in `{folder}`, one per class. Received "
            f"{len(classes)}{': ' + classes[0] if classes else ''}. {'; '.join(notes)}".strip()
        )
    paths = tuple(path for name in classes for path in groups[name])
    labels = np.repeat(np.arange(len(classes)), [len(groups[name]) for name in classes])
    drawn = splits.drawn(
        f"folder:{folder}",
        classes,
        images.FileImages(paths, image_size or (SIDE, SIDE)),
        labels,
        queries=min(MOST_QUERIES, max(1, round(QUERY_SHARE * len(paths)))),
        seed=seed,
    )
    return dataclasses.replace(drawn, notes=tuple(notes))


def _by_class(paths, folder):
    """`{sub-folder: paths}`, and the number of paths that lie in `folder` itself."""
    groups, loose = {}, 0
    start = len(os.path.join(folder, ""))
    for path in paths:
        name, inside, _ = path[start:].partition(os.sep)
        if inside:
            groups.setdefault(name, []).append(path)
        else:
            loose += 1
    return groups, loose


def _notes(folder, classes, loose):
    others = sorted(name for name in os.listdir(folder) if name[0] != "." and name not in classes)
    empty = [name for name in others if os.path.isdir(os.path.join(folder, name))]
    notes = [f"left out: sub-folders without an image: {', '.join(empty)}"] if empty else []
    if loose:
        notes.append(f"left out: {loose} images in no sub-folder, which have no class")
    return notes
