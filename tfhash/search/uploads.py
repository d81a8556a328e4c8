"""Images and vectors that a page searches for: checked, read, encoded together."""

import os
import threading

import numpy as np
from werkzeug import exceptions

from tfhash.data import decoding
from tfhash.search import vectors
from tfhash.search.batching import Batcher

NAME = "upload"


class Uploads:
    """What makes outputs of the network from images that many threads bring.

    Attributes:
        most_bytes, most_pixels: of an image.
        few: a semaphore: within it an image is decoded, as many at once as there are cores.

    Args:
        model: the `Model`.
        asked: the `Search`, for the limits.
    """

    def __init__(self, model, asked):
        self.most_bytes = asked.most_megabytes * 10**6
        self.most_pixels = min(asked.most_megapixels * 10**6, decoding.MOST_PIXELS)
        self.few = threading.Semaphore(os.cpu_count() or 1)
        self._input, self._size = model.recipe.input, model.size
        for count in (1, 2, 3):  # the network is compiled: for one image, and for any number
            model.embed_resized(np.zeros((count, *self._size, 3), self._input.resizer.dtype))
        self._batcher = Batcher(model.embed_resized)

    def close(self):
        """Ends the thread that encodes."""
        self._batcher.close()

    def encoded(self, content):
        """The outputs `[dim]` of the bytes of an image file.

        Raises:
            HTTPException: its header says that it is too large; it is not decoded then.
            ValueError: it is no image.
        """
        try:
            pixels = decoding.pixels_of(content, NAME)
            if pixels > self.most_pixels:
                raise exceptions.RequestEntityTooLarge(
                    f"Expected an image of up to {self.most_pixels / 10**6:g} megapixels. It has "
                    f"{pixels / 10**6:.1f}."
                )
            with self.few:
                image = decoding.decode_bytes(content, NAME, upright=self._input.upright)
        except ValueError as error:
            raise ValueError(_no_image(content)) from error
        return self._embedded(image)

    def stored(self, source, name):
        """The outputs `[dim]` of the image of a name in what is searched, such as `Files`."""
        with self.few:
            image = source.image(name, upright=self._input.upright)
        return self._embedded(image)

    def _embedded(self, image):
        resizer = self._input.resizer
        return self._batcher(np.asarray(resizer.resize(image, self._size), resizer.dtype))


class VectorUploads:
    """As `Uploads`, for a model that takes vectors."""

    most_pixels = 0

    def __init__(self, model, asked):
        self.most_bytes = asked.most_megabytes * 10**6
        [self._width] = model.size
        for count in (1, 2, 3):
            model.embed_resized(np.zeros((count, self._width), np.float32))
        self._batcher = Batcher(model.embed_resized)

    def close(self):
        """Ends the thread that encodes."""
        self._batcher.close()

    def encoded(self, content):
        """The outputs `[dim]` of the bytes of an .npy file; ValueError for others."""
        return self._batcher(vectors.of_bytes(content, self._width))

    def stored(self, source, name):
        """The outputs `[dim]` of the vector of a name in what is searched."""
        return self._batcher(source.vector(name))


def _no_image(content):
    """What is wrong with bytes that can't be decoded; their file's name is not known."""
    command = decoding.hint(".heic") if content[4:8] == decoding.ISO_MEDIA else ""
    return "This file is no image, or a damaged one, or of a kind that can't be read here." + (
        f" To read HEIC images: {command}" if command else ""
    )
