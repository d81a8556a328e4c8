"""Latent hashing: a classifier with a narrow sigmoid layer before its logits, whose signs are bits.

Reference: Lin et al., Deep Learning of Binary Hash Codes for Fast Image Retrieval, CVPRW 2015.
Original: shashankiyer/Learning-bit-codes-for-images.
"""

import dataclasses
import typing

from tfhash import config as settings
from tfhash.backbones.base import Pixels
from tfhash.config import Habits, setting
from tfhash.heads import two_step
from tfhash.lazy import keras
from tfhash.losses import entropy
from tfhash.methods import base

IMAGENET = Pixels((123.68, 116.779, 103.939), (58.0,) * 3)  # of backbones without one of their own


@dataclasses.dataclass(frozen=True)
class Config(settings.Config):
    """Settings; the defaults are those of the original's params.json and scripts."""

    bits: int = setting(
        48, "Width of the latent layer: length of a code in bits.", least=1, most=settings.WIDEST
    )
    img_model: str = setting(
        "bvlc_alexnet", "Backbone: bvlc_alexnet (the original's), or any other."
    )
    finetune_all: bool = setting(
        False, "Train the convolutions too; else they stay as --pretrained gives them."
    )
    load_fc: bool = setting(
        False, "Take fc6 and fc7 of --pretrained too, which the original draws anew."
    )
    learning_rate: float = setting(0.01, "Of plain gradient descent.", over=0)
    batch_size: int = 128
    epochs: int = setting(1250, "Passes over the training images.", least=1, resume=True)
    max_steps: int = setting(10000, "Steps at most, whatever the epochs.", least=1, resume=True)
    keep_prob: float = setting(
        0.5, "Share of the outputs that the backbone's dropout keeps.", over=0, most=1
    )
    image_size: int = setting(
        0,
        "Side in pixels that images are resized to; 0: 227 on the original's backbone, as there; "
        "else the dataset's.",
        least=0,
    )
    # It makes 32 pixels 226.
    legacy_resize: bool = setting(
        True, "Resize as TensorFlow 1.15 does; else with half-pixel centres."
    )
    upright: bool = setting(
        False, "Turn images of files as their EXIF says; the original takes them as stored."
    )
    multi_label: str = setting(
        "last",
        "Which classes of an image with several count, in training and test: last or all.",
        choices=two_step.MULTI_LABEL,
    )
    threshold: int = setting(
        12,
        "Bits: the search takes the items within this Hamming distance.",
        least=0,
        resume=True,
        test=True,
    )
    k: int = setting(
        120,
        "Of these the search keeps so many, the nearest by feature.",
        least=1,
        resume=True,
        test=True,
    )
    save_summary_steps: int = setting(
        50, "Steps between two histograms of weights and gradients.", least=1, resume=True
    )

    datasets: typing.ClassVar[dict] = {
        "digits": {
            "img_model": "fixed_vgg",
            "finetune_all": True,
            "batch_size": 50,
            "epochs": 10,
            "save_every": 5,
            "learning_rate": 0.05,
        },
        "folder": {"upright": True},
    }

    def total_steps(self, steps_per_epoch):
        return min(self.max_steps, super().total_steps(steps_per_epoch))

    @property
    def habits(self):
        return Habits(repeats=True, histograms_every=self.save_summary_steps)

    def check_start(self, pretrained):
        if not self.finetune_all and not pretrained:
            raise ValueError(
                f"Expected --pretrained=FILE: the convolutions of {self.img_model} come "
                "from it and are not trained (bvlc_alexnet.npy, or a torchvision .pth file for "
                "its networks). Received none. Use --finetune_all to train them from scratch."
            )


class Method(base.Method):
    """Softmax cross-entropy on AlexNet or another backbone, with a latent layer."""

    @classmethod
    def input_of(cls, config):
        plain = super().input_of(config)
        return dataclasses.replace(
            plain,
            pixels=plain.backbone.pixels or IMAGENET,
            side=config.image_size or plain.backbone.resized,
            resize="pad_legacy" if config.legacy_resize else "pad",
            upright=config.upright,
            batch=64,
        )

    def build_head(self):
        config = self.config
        return two_step.TwoStep(
            bits=config.bits,
            classes=self.num_classes,
            threshold=config.threshold,
            k=config.k,
            multi_label=config.multi_label,
            dtype=self.wide,
        )

    def build_network(self):
        dropout = 1 - self.config.keep_prob
        network = self.backbone.network(self.head.layers, dtype=self.dtype, dropout=dropout)
        trained = (*self.backbone.tail, *self.head.layer_names)
        for layer in network.layers:
            layer.trainable = self.config.finetune_all or layer.name in trained
        return network

    def optimizer(self):
        return keras.optimizers.SGD(self.config.learning_rate)

    # Departure from the original: all images are shuffled, not those of a buffer; a batch is of
    # one epoch. So does `batches` of the base.

    def outputs(self, images):
        return {"images": self.network(images["images"], training=True)["logits"]}

    def losses(self, outputs, batch):
        targets = self.head.targets(batch.labels["images"])
        return {"classification": entropy.classification(outputs["images"], targets)}

    def measures(self, outputs, batch):
        targets = self.head.targets(batch.labels["images"])
        return {"accuracy": two_step.accuracy(outputs["images"], targets)}
