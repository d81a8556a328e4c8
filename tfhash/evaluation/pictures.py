"""Pictures of results: ranked lists and embeddings, drawn by matplotlib without a screen."""

import io
import logging
import pathlib

import numpy as np

from tfhash import checks, files

LOG = logging.getLogger("tfhash")
ROUNDING = 1e-6  # of float32, as a share of the largest value
RELEVANT, WRONG, QUERY = "#1a9850", "#d73027", "#333333"  # frame colours


def figure(width, height):
    """An empty matplotlib figure of so many inches, for PNG files."""
    from matplotlib.backends import backend_agg
    from matplotlib.figure import Figure

    empty = Figure(figsize=(width, height))
    backend_agg.FigureCanvasAgg(empty)
    return empty


def ranked_lists(queries, found, relevant, *, titles=None):
    """A row for each query: the query, then the images found for it, framed by relevance.

    Args:
        queries: `[rows, height, width, 3]` RGB in 0..255.
        found: `[rows, k, height, width, 3]` RGB in 0..255, best first.
        relevant: `[rows, k]` bool; green frames where True, red ones elsewhere.
        titles: `rows` short texts under the queries, such as their classes; None for none.
    Returns:
        A matplotlib picture.
    Reference: youngkyunJang/GPQ, utils/RetrievalTest.py, PQ_retrieval (its picture).
    """
    rows, columns = relevant.shape[0], relevant.shape[1] + 1
    picture = figure(columns * 0.8, rows * 0.98 + 0.3)
    grid = picture.subplots(rows, columns, squeeze=False)
    for row in range(rows):
        hits = int(relevant[row].sum())
        title = f"{titles[row]}  {hits}/{columns - 1}" if titles else f"{hits}/{columns - 1}"
        _framed(grid[row, 0], queries[row], QUERY, "query" if row == 0 else "", title)
        for rank in range(columns - 1):
            colour = RELEVANT if relevant[row, rank] else WRONG
            _framed(grid[row, rank + 1], found[row, rank], colour, rank + 1 if row == 0 else "", "")
    top = 1 - 0.3 / picture.get_figheight()
    picture.subplots_adjust(left=0.01, right=0.99, top=top, bottom=0.04, wspace=0.08, hspace=0.3)
    return picture


def _framed(axes, image, colour, above, below):
    axes.imshow(np.clip(image, 0, 255).astype(np.uint8), interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_color(colour)
        side.set_linewidth(3)
    axes.set_title(str(above), fontsize=9)
    axes.set_xlabel(below, fontsize=8)


def embedding(outputs, labels, classes, *, limit=1000, seed=0):
    """A t-SNE picture of `[n, dim]` outputs in the colours of their classes; a picture.

    Args:
        outputs: `[n, dim]` float, n >= 4.
        labels: `[n, classes]` 0/1; an item takes the colour of its first label.
        classes: their names.
        limit: items drawn at random where there are more.
        seed: of that draw and of t-SNE.
    Raises:
        ValueError: all outputs are equal, for which t-SNE would end the process.
    """
    from matplotlib import colormaps
    from sklearn import manifold

    picked = np.random.default_rng(seed).permutation(len(outputs))[:limit]
    perplexity = min(30.0, (len(picked) - 1) / 3)
    points = manifold.TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(
        _scaled(outputs[picked])
    )
    of_class = labels[picked].argmax(axis=1)
    colours = colormaps["tab10" if len(classes) <= 10 else "tab20"]
    picture = figure(7.2, 6)
    axes = picture.subplots()
    for number, name in enumerate(classes):
        own = points[of_class == number]
        if len(own):
            axes.scatter(*own.T, s=12, color=colours(number % colours.N), label=name)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(f"t-SNE of {len(picked)} outputs")
    if len(classes) <= 20:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, markerscale=2)
    picture.tight_layout()
    return picture


def _scaled(outputs):
    """Outputs around 0 and within 1: of very small or large ones t-SNE ends the process too."""
    if all_equal(outputs):
        raise ValueError("all outputs are equal")
    centred = outputs.astype(np.float64) - outputs.mean(axis=0, dtype=np.float64)
    return (centred / np.abs(centred).max()).astype(np.float32)


def all_equal(outputs):
    """Whether `[n, dim]` outputs, n >= 1, are equal but for rounding."""
    wide = np.ptp(outputs.astype(np.float64), axis=0).max()
    return bool(wide <= ROUNDING * np.abs(outputs).max())


def attempt(draw, name):
    """What `draw()` returns; None, and a line in the log, where it fails.

    A picture is no reason to lose what comes after it. That a file can't be written is (OSError).
    """
    try:
        return draw()
    except OSError:
        raise
    except Exception as error:  # of any kind, from several other packages
        LOG.warning("%s is not drawn: %s", name, checks.brief(error))
        return None


def save(figure, path):
    """Writes a figure as PNG, whole or not at all; returns the path."""
    with files.whole(path) as partial:
        figure.savefig(partial, format="png", dpi=110)
    return pathlib.Path(path)


def pixels(figure):
    """A figure as `[height, width, 4]` uint8."""
    from matplotlib import image

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    buffer.seek(0)
    return (image.imread(buffer) * 255).astype(np.uint8)
