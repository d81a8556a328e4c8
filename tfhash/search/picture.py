"""The picture of queries with their answers."""

import os

import numpy as np

from tfhash.data.images import resize
from tfhash.evaluation import pictures

SIDE, ROWS, COLUMNS = 160, 8, 15  # pixels of an image; queries and answers that are drawn
LETTERS = 20  # of a file's name
FRAME, EMPTY = "#c8c8c8", 235


def drawn(queries, answers):
    """The picture of the first queries, each with its first answers, as a figure.

    Args:
        queries: (title, image `[h, w, 3]` uint8) of each.
        answers: for each a list of (title, text under it, image, or None where it can't be read).
    """
    rows = min(len(queries), ROWS)
    columns = 1 + min(COLUMNS, max(len(row) for row in answers[:rows]))
    figure = pictures.figure(columns * 1.25, rows * 1.6 + 0.1)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, (name, image), found in zip(grid, queries, answers):
        _place(axes[0], "query", name, image, pictures.QUERY)
        for place, one in zip(axes[1:], found):
            _place(place, *one, FRAME)
        for place in axes[1 + len(found) :]:
            place.axis("off")
    figure.subplots_adjust(
        left=0.01, right=0.99, top=1 - 0.25 / figure.get_figheight(), bottom=0.04, hspace=0.35
    )
    return figure


def _place(axes, title, name, image, colour):
    axes.imshow(squared(image))
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_color(colour)
        side.set_linewidth(2 if colour == pictures.QUERY else 1)
    axes.set_title(title, fontsize=8)
    axes.set_xlabel(short(name), fontsize=6)


def squared(image):
    """An image in the middle of a square of `SIDE` pixels; grey where it is None."""
    square = np.full((SIDE, SIDE, 3), EMPTY, np.uint8)
    if image is None:
        return square
    scale = SIDE / max(image.shape[:2])
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    square[top : top + height, left : left + width] = resize(image, (height, width))
    return square


def short(path):
    """The name of a file, without its middle where it is long, and as matplotlib can write it."""
    name = os.path.basename(path).encode(errors="replace").decode().replace("$", r"\$")
    if len(name) <= LETTERS:
        return name
    return f"{name[: LETTERS // 2 - 1]}…{name[-LETTERS // 2 :]}"
