"""What methods written for PyTorch share: resize and crops as torchvision's, by Pillow.

Original: thuml/HashNet, pytorch/src/pre_process.py.
"""

import dataclasses
import functools

from tfhash import config as settings
from tfhash.backbones import base as backbones
from tfhash.config import setting
from tfhash.data import pillow
from tfhash.methods import base


@dataclasses.dataclass(frozen=True)
class Config(settings.Config):
    """Settings of the images."""

    resize_size: int = setting(
        256, "Side in pixels that images are resized to; 0: the dataset's own.", least=0
    )
    crop_size: int = setting(224, "Side in pixels of what the network sees.", least=1)
    crop_share: float = setting(
        0.08, "Smallest share of an image's area in a training crop.", over=0, most=1
    )
    legacy_crops: bool = setting(
        False,
        "Draw training crops as torchvision 0.2: the aspect itself is uniform, not its logarithm.",
    )
    flip: bool = setting(True, "Mirror half of the training images, drawn at random.")
    upright: bool = setting(
        False, "Turn images of files as their EXIF says; the original takes them as stored."
    )
    # Pillow's default was "nearest" when the code was published; since Pillow 7 it is "bicubic".
    resample: str = setting(
        "nearest",
        "Filter of the resize: nearest (when the code was published), bicubic (Pillow's default "
        "since), bilinear.",
        choices=pillow.FILTERS,
        test=True,
    )
    test_10crop: bool = setting(False, "Average the outputs of ten crops in a test.", test=True)

    def __post_init__(self):
        super().__post_init__()
        if 0 < self.resize_size < self.crop_size:
            raise ValueError(
                f"Expected `resize_size` >= crop_size={self.crop_size}, or 0. "
                f"Received: {self.resize_size}."
            )


class Method(base.Method):
    """A method that trains on random parts of images, and tests on their centre."""

    @classmethod
    def input_of(cls, config):
        plain = super().input_of(config)
        size = config.crop_size
        ten = {"views": functools.partial(pillow.ten_crops, size=size)}
        one = {"crop": functools.partial(pillow.centre_crop, size=size)}
        return dataclasses.replace(
            plain,
            pixels=plain.backbone.pixels or backbones.IMAGENET,
            side=config.resize_size or None,
            resize=plain.backbone.resize or f"pillow_{config.resample}",
            upright=config.upright,
            sees=size,
            option="crop_size",
            **(ten if config.test_10crop else one),
        )

    def augment(self, images, seed):
        config = self.config
        options = {"scale": (config.crop_share, 1.0), "flip": config.flip}
        options["legacy"] = config.legacy_crops
        images = pillow.random_resized_crops(images, config.crop_size, seed, **options)
        return self.input.pixels.normalize(images)
