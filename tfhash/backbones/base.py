"""What a backbone says of itself: the items that it takes, its layers, its files of weights."""

import dataclasses
import typing

from tfhash.data import augment
from tfhash.lazy import keras


@dataclasses.dataclass(frozen=True)
class Pixels:
    """How RGB pixels in 0..255 become the input of a network: (pixel - mean) / std, by channel.

    Attributes:
        mean, std: three numbers each, of red, green and blue; a `std` of None does not divide.
        channels: "rgb" or "bgr", the order in which the network takes them.
    """

    mean: tuple = (0.0, 0.0, 0.0)
    std: tuple | None = None
    channels: str = "rgb"

    def normalize(self, images):
        """`[batch, height, width, 3]` RGB in 0..255 -> float32, in the order of `channels`."""
        images = augment.normalize(images, self.mean, self.std)
        return images if self.channels == "rgb" else images[..., ::-1]


IMAGENET = Pixels((0.485 * 255, 0.456 * 255, 0.406 * 255), (0.229 * 255, 0.224 * 255, 0.225 * 255))
"""Of torchvision's networks."""


@dataclasses.dataclass(frozen=True)
class Weights:
    """What a file of weights held.

    Attributes:
        arrays: `{name of a variable: array}`.
        missing: names of what such a file can hold and this does not.
        unexpected: names in it that nothing takes.
    """

    arrays: dict
    missing: tuple = ()
    unexpected: tuple = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Backbone:
    """A network from images to features, which knows no method, loss or code.

    Attributes:
        name: as `--img_model` gives it.
        features: `(images, *, dtype, dropout) -> [batch, width]`, Keras tensors; `dropout` is the
            share that its layers of dropout drop, None for its own. Layers have fixed names.
        sides: sides in pixels of the images that it takes; none for any from `least` on.
        least: smallest side in pixels.
        resized: side in pixels that its original resizes images to, larger than `sides` where
            the network sees crops of them; None for the dataset's own.
        resize: how images were resized for its weights, a name of tfhash/data/resizing.py; None
            for the method's own way.
        pixels: what its published weights were trained on; None where it has none, and a method
            normalises as it likes.
        linear: name of the linear layer that its files put behind the features.
        linear_std: of that layer's normal initial weights; None for Glorot's uniform ones.
        tail: names of the last layers, which a method may train where the others stay fixed.
        decayed_only: names of layers that nothing reads but a weight decay.
        read: `(path, variables) -> Weights` of a file of published weights, for the backbone's
            `{name: variable}`, with or without its tail; ValueError where it does not fit. None:
            it has no files.
        published: what weights the results of papers begin with, for the user to look up.
        files: patterns of the names of their files, as "resnet50-*.pth".
        words: `{word: what it means}` that `read` takes in place of a path.
        begins: the one of these that a training begins with where it names no weights; "" for
            random ones.
    """

    name: str
    features: typing.Callable
    sides: tuple = ()
    least: int = 1
    resized: int | None = None
    resize: str | None = None
    pixels: Pixels | None = None
    linear: str = "dense"
    linear_std: float | None = None
    tail: tuple = ()
    decayed_only: tuple = ()
    read: typing.Callable | None = None
    published: str = ""
    files: tuple = ()
    words: dict = dataclasses.field(default_factory=dict)
    begins: str = ""
    vectors = False  # whether it takes vectors, not images

    def check_side(self, side, way_out="Use --image_size={side}."):
        """Raises ValueError where the network cannot take images of `side` pixels.

        Args:
            side: of square images; None is not checked.
            way_out: what to do, with a place for a side that fits.
        """
        fits = side in self.sides if self.sides else side is None or side >= self.least
        if not fits:
            wanted = " or ".join(map(str, self.sides)) or f"at least {self.least}"
            raise ValueError(
                f"The backbone {self.name} takes images of {wanted} pixels a side. Received: "
                f"{side}. {way_out.format(side=self.sides[0] if self.sides else self.least)}"
            )

    def network(self, head, *, dtype="float32", dropout=None, size=None, before=None):
        """The Keras model from preprocessed items to what `head(features)` returns.

        Args:
            head: Keras tensor `[batch, width]` -> a structure of Keras tensors.
            dtype: Keras dtype policy.
            dropout: as in `features`.
            size: of an item, (height, width) or (width,); networks for images do not need it.
            before: what the items pass first: Keras tensor -> Keras tensor; None for nothing.
        """
        items = self.input_of(size)
        x = items if before is None else before(items)
        return keras.Model(items, head(self.features(x, dtype=dtype, dropout=dropout)))

    def input_of(self, size):
        """The Keras tensor of prepared items."""
        side = self.sides[0] if len(self.sides) == 1 else None
        return keras.Input((side, side, 3), name="images")

    def linear_layer(self, width, *, dtype, initializer=None):
        """The layer behind the features: `[batch, features]` -> `[batch, width]`.

        It keeps float32 under the mixed policies. `initializer` is of its kernel; None for the
        backbone's own.
        """
        if initializer is None and self.linear_std:
            initializer = keras.initializers.RandomNormal(stddev=self.linear_std)
        return keras.layers.Dense(
            width,
            kernel_initializer=initializer or "glorot_uniform",
            dtype=keras.DTypePolicy(dtype).variable_dtype,
            name=self.linear,
        )

    def is_linear(self, path):
        """Whether the variable at `path`, such as dense/kernel, is of the linear layer."""
        return path.split("/")[0] == self.linear


class VectorBackbone(Backbone):
    """A network from vectors `[batch, width]` of any width to features."""

    vectors = True

    def input_of(self, size):
        if size is None or len(size) != 1:
            raise ValueError(
                f"The backbone {self.name} takes vectors. Expected their width as `size`. "
                f"Received: {size}."
            )
        return keras.Input(size, name="vectors")


def stored(variables):
    """`{name: variable}` of those that files of weights hold: no states of dropout."""
    return {name: v for name, v in variables.items() if not name.endswith("/draws")}
