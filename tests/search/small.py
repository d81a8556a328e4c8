"""What the tests of the search share: image files, a model without a network, sessions."""

import pathlib
import types

import numpy as np

from tests.data import photos
from tfhash.data import decoding, resizing
from tfhash.retrieval.binary import BinaryCodes
from tfhash.retrieval.floats import FloatCodes
from tfhash.search import indexing, sources
from tfhash.search.session import Session
from tfhash.search.settings import Search

BITS = 16


def plain(value):
    """An image of one colour, `[16, 16, 3]`, whose value `Head` makes the code of."""
    return np.full((16, 16, 3), value, np.uint8)


def write(folder, **values):
    """Writes `NAME.png` of one colour each, `__` in a name for a slash; returns the folder."""
    for name, value in values.items():
        photos.write(folder / f"{name.replace('__', '/')}.png", photos.encode(".png", plain(value)))
    return folder


class Head:
    """The code of an image of one colour: as many ones as its value; its output is the value."""

    def indexed(self, outputs):
        return BinaryCodes.from_bits(np.arange(BITS) < outputs[:, :1])

    queries = indexed

    def features(self, outputs):
        return FloatCodes(outputs, "euclidean")


class Model:
    """A model without a network; its output is the first pixel, and a constant.

    Attributes:
        used: whether anything has asked for it.
        encoded: paths of the images that it was given, in their order.
        batch: images at once.
        after: is called after each batch.
    """

    def __init__(self, batch=2, after=lambda: None):
        self.used = False
        self.size, self.encoded, self.batch, self.after = (16, 16), [], batch, after
        images = types.SimpleNamespace(upright=True, resizer=resizing.load("area"))
        self.recipe = types.SimpleNamespace(head=Head(), input=images)

    def embed_batches(self, part, *, batch_size=None):
        for first in range(0, len(part), self.batch):
            rows = np.arange(first, min(first + self.batch, len(part)))
            self.encoded += [part.name(row) for row in rows]
            yield self.embed_resized(part.read(rows))
            self.after()

    def embed_resized(self, images):
        return np.stack([images[:, 0, 0, 0], np.ones(len(images))], axis=1).astype(np.float32)

    def embed(self, paths, *, batch_size=None):
        return self.embed_resized(np.stack([decoding.decode(path) for path in paths]))


class Encoder:
    """What stands for the `Encoder` of a model."""

    path = "models/one"

    def __init__(self, model=None, fingerprint="one"):
        self._model, self.fingerprint = model or Model(), fingerprint

    @property
    def model(self):
        self._model.used = True
        return self._model


def update(path, folder, model=None, **options):
    """Brings the index at `path` of a folder up to date; the `Report`."""
    fingerprint = options.pop("fingerprint", "one")
    source = sources.of_images(folder)
    return indexing.update(path, source, Encoder(model, fingerprint), **options)


def session(folder, model=None, **asked):
    """A started `Session` of the images in a folder, whose index lies beside it."""
    place = {"images": str(folder), "index": str(pathlib.Path(f"{folder}-index"))}
    made = Session(Search(**place | asked), Encoder(model))
    made.start()
    return made
