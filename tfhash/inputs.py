"""What happens to an image between its file and the network, in a test and in a search."""

import dataclasses
import typing

from tfhash.backbones.base import Backbone, Pixels
from tfhash.data import resizing


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

    def check(self, size):
        """Raises ValueError where the network can't take images of `size` = (height, width)."""
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
