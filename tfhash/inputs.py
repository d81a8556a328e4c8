"""What happens to an image or a vector between its file and the network, in a test and in a
search."""

import dataclasses
import typing

import numpy as np

from tfhash.backbones.base import Backbone, Pixels
from tfhash.backbones.layers import vector_layers
from tfhash.data import images as pools
from tfhash.data import resizing, vectors
from tfhash.lazy import keras, tf


@dataclasses.dataclass(frozen=True, kw_only=True)
class Input:
    """How images are made ready for a network.

    Attributes:
        backbone: the `Backbone`.
        pixels: the `Pixels` that normalise them.
        side: in pixels, that images are resized to; None for the dataset's own.
        resize: how; a name of tfhash/data/resizing.py.
        upright: whether images of files are turned as their EXIF says, or taken as stored.
        sees: side in pixels of the square that the network sees of such an image; None for all.
        crop: `images -> images`, cuts that square out; None where `views` does it.
        views: `prepared images -> [images, ...]`, the outputs of which are averaged; None for one.
        batch: images encoded at once.
        option: the setting by which a user chooses the side that the network sees.
    """

    backbone: Backbone
    pixels: Pixels
    side: int | None = None
    resize: str = "area"
    upright: bool = True
    sees: int | None = None
    crop: typing.Callable | None = None
    views: typing.Callable | None = None
    batch: int = 256
    option: str = "image_size"

    @property
    def resizer(self):
        """The `resizing.Resizer`."""
        return resizing.load(self.resize)

    def pool(self, images, size):
        """A pool of `[n, height, width, 3]` uint8 RGB, or of a list of paths; `size` is that of
        the images of a model, or None."""
        if isinstance(images, np.ndarray):
            return pools.ArrayImages(images)
        paths = [images] if isinstance(images, str) else list(images)
        if not paths:
            raise ValueError("Expected `images` with an image or more. Received none.")
        if size is None:
            raise ValueError("Expected an array of `images`: the model does not know their size.")
        return pools.FileImages(tuple(map(str, paths)), size)

    def fitted(self, pool, size=None):
        """A pool whose images are of `size`, None for their own, resized and turned as here.

        Raises:
            ValueError: it is no pool of images.
        """
        _check_kind(self.backbone, pool.size)
        size = tuple(size or pool.size)
        if (tuple(pool.size), pool.resize, pool.dtype) != (size, *self.resizer):
            pool = pool.resized(size, *self.resizer)
        if getattr(pool, "upright", self.upright) != self.upright:
            pool = dataclasses.replace(pool, upright=self.upright)
        return pool  # one that fits stays, with what it keeps in memory

    def check(self, size):
        """Raises ValueError where the network can't take images of `size` = (height, width)."""
        _check_kind(self.backbone, size)
        height, width = size
        if self.sees is None:
            sides = {height, width}
        elif height != width or height < self.sees:
            raise ValueError(
                f"Expected square images of at least {self.option}={self.sees} pixels. Received: "
                f"{height}x{width}. Use --{self.option} or --image_size."
            )
        else:
            sides = {self.sees}
        for side in sides:
            self.backbone.check_side(side, f"Use --{self.option}={{side}}.")

    def prepare(self, images):
        """`[batch, height, width, 3]` as `resizer` gives them -> float32 for the network."""
        return self.pixels.normalize(images if self.crop is None else self.crop(images))

    def layers(self, images, *, dtype):
        """What the network does to prepared images first; a Keras tensor."""
        return images

    def fit(self, network, train):
        """Takes over what `layers` learns from the split `train`: nothing."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class VectorInput:
    """How vectors are made ready for a network; they are not augmented.

    Attributes:
        backbone: the `Backbone`.
        whiten: whether they are whitened by mean and covariance of the training part.
        l2_normalize: whether each is divided by its length, after that.
        batch: vectors encoded at once.
        others: as of `Input`, which vectors do not have.
    """

    backbone: Backbone
    whiten: bool = False
    l2_normalize: bool = False
    batch: int = 4096
    pixels = side = sees = crop = views = None

    def pool(self, values, size):
        """A pool of `[n, width]` float; `size` is that of the vectors of a model, or None."""
        if not isinstance(values, np.ndarray):
            raise ValueError(
                f"Expected an array of vectors [n, {size[0] if size else 'width'}]: the backbone "
                f"{self.backbone.name} takes vectors. Received: {type(values).__name__}."
            )
        return vectors.Vectors(values)

    def fitted(self, pool, size=None):
        """The pool as it is.

        Raises:
            ValueError: it is no pool of vectors, or of others than of `size`.
        """
        _check_kind(self.backbone, pool.size)
        if size and tuple(size) != tuple(pool.size):
            raise ValueError(
                f"Expected vectors of {size[0]} numbers, as the model was made for. Received: "
                f"{pool.size[0]}."
            )
        return pool

    def check(self, size):
        """Raises ValueError where an item of `size` is no vector."""
        _check_kind(self.backbone, size)

    def prepare(self, values):
        """`[batch, width]` -> float32 for the network."""
        return tf.cast(values, tf.float32)

    def layers(self, values, *, dtype):
        """What the network does to vectors first; a Keras tensor."""
        if self.whiten:
            values = vector_layers.Whitening(dtype=dtype)(values)
        if self.l2_normalize:
            values = keras.layers.UnitNormalization(dtype=dtype, name="unit")(values)
        return values

    def fit(self, network, train):
        """Whitens by the vectors of the split `train` from now on, where that is asked for."""
        if self.whiten:
            layer = network.get_layer(vector_layers.NAME)
            layer.fit(*vectors.moments(train.images, train.index))


def _check_kind(backbone, size):
    """Raises ValueError where a backbone takes no items of `size`, of two sides or one."""
    if backbone.vectors == (len(size) == 1):
        return
    if backbone.vectors:
        raise ValueError(
            f"The backbone {backbone.name} takes vectors, not images. Give --dataset="
            "embeddings:PATH, or another --img_model."
        )
    raise ValueError(
        f"The backbone {backbone.name} takes images, not vectors. Use --img_model=mlp, linear or "
        "identity."
    )
