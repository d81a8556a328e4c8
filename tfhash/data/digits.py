"""scikit-learn's digits: 1797 real handwritten digits that come with the package."""

import numpy as np

from tfhash.data import images, splits

SIDE = 16  # pixels; the originals have 8
QUERIES, LABELLED = 100, 500


def load(image_size=None, seed=0):
    """`Splits`: 100 queries, 500 labelled training images, the rest unlabelled.

    The database is everything but the queries. Each class has about the same share of each part.
    The 8x8 grey values 0 to 16 become 0 to 255 in all three channels, enlarged bilinearly.

    Args:
        image_size: (height, width) in pixels; None for 16x16.
        seed: of the split.
    """
    from sklearn import datasets

    stored = datasets.load_digits()
    grey = np.round(stored.images * (255 / 16)).astype(np.uint8)
    colour = np.repeat(grey[..., None], 3, axis=-1)
    pixels = np.stack([images.resize(image, image_size or (SIDE, SIDE)) for image in colour])
    return splits.drawn(
        "digits",
        [str(digit) for digit in range(10)],
        images.ArrayImages(pixels),
        stored.target.astype(np.int64),
        queries=QUERIES,
        labelled=LABELLED,
        seed=seed,
    )
