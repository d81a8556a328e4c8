"""What makes vectors of images: a backbone alone, or a trained model."""

import dataclasses
import functools
import hashlib
import json
import logging
import os
import typing

import numpy as np

from tfhash import __version__, api, backbones, checks, originals, pretrained
from tfhash.backbones.base import stored
from tfhash.data import pillow, pipeline
from tfhash.embedding.settings import RANDOM
from tfhash.inputs import Input
from tfhash.lazy import keras, tf
from tfhash.methods.base import PLAIN
from tfhash.precision import check as check_precision

LOG = logging.getLogger("tfhash")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Encoder:
    """What makes vectors of images.

    Attributes:
        outputs: prepared images of one replica -> `[batch, width]`.
        source: the `Input`.
        augment: `(images, seed) -> images`, prepared views.
        side: in pixels, that images are resized to; None for their own size.
        strategy: the `tf.distribute.Strategy`.
        about: what determines the vectors, as JSON holds it.
    """

    outputs: typing.Callable
    source: Input
    augment: typing.Callable
    side: int | None
    strategy: typing.Any
    about: dict

    def batches(self, part, size, *, first=0, views=0, seed=0):
        """Yields the vectors of one batch after the other, `[b, width]` or `[b, views, width]`.

        Args:
            part: a `Split`.
            size: images of a batch.
            first: position of the first image; what comes does not depend on it.
            views: 0 for the images themselves.
            seed: of the views.
        """

        def prepare(images, seed):
            if not views:
                return self.source.prepare(images)
            drawn = tf.unstack(tf.random.split(seed, views))
            return tf.concat([self.augment(images, one) for one in drawn], axis=0)

        options = {"seed": seed if views else None, "first": first}
        batches = pipeline.ordered_batches(part, size, prepare, **options)
        for batch in self.strategy.experimental_distribute_dataset(batches):
            found = self.strategy.experimental_local_results(self._run(batch))
            rows = np.concatenate([of_replica.numpy() for of_replica in found])
            yield rows.reshape(views, -1, rows.shape[1]).swapaxes(0, 1) if views else rows

    @functools.cached_property
    def _run(self):
        def run(images):
            return self.strategy.run(self.outputs, args=(images,))

        return tf.function(run, reduce_retracing=True)


def of_backbone(asked, options, strategy):
    """The `Encoder` of `asked.img_model`.

    Args:
        asked: the `Embed`.
        options: the `Images`, of their size and the seed of random weights.
        strategy: a `tf.distribute.Strategy`.
    Raises:
        ValueError: there is no such backbone, or no weights were named that it needs.
    """
    backbone = backbones.load(asked.img_model)
    _check_images(backbone)
    path = _weights(asked.pretrained, backbone)
    check_precision(asked.precision)
    keras.utils.set_random_seed(options.seed)
    with strategy.scope():
        network = backbone.network(lambda features: features, dtype=asked.precision)
    said = pretrained.said_of(path, backbone) if path else RANDOM
    LOG.info("Weights: %s.", said)
    if path:
        variables = stored({variable.path: variable for variable in network.variables})
        weights = backbone.read(path, variables)
        checks.assign(variables, weights.arrays, path)
        for line in originals.summary(path, weights.arrays, weights.missing, weights.unexpected):
            LOG.info(line)
    resize = {"resize": backbone.resize} if backbone.resize else {}
    source = Input(backbone=backbone, pixels=backbone.pixels or PLAIN, **resize)
    side = options.image_size or (backbone.sides or (None,))[0]
    return Encoder(
        outputs=lambda images: tf.cast(network(images, training=False), tf.float32),
        source=source,
        augment=functools.partial(_augment, source, asked.crop_share),
        side=side,
        strategy=strategy,
        about={
            "img_model": asked.img_model,
            "weights": said,
            "weights_seed": None if path else options.seed,
            "precision": asked.precision,
            "crop_share": asked.crop_share if asked.views else None,
        },
    )


def _weights(named, backbone):
    """What `read` of a backbone takes for --pretrained; "" for random weights."""
    if named == RANDOM:
        return ""
    named = named or backbone.begins
    if not named and backbone.read:
        raise ValueError(
            f"Expected --pretrained: vectors of {backbone.name} with random weights say little. It "
            f"has those of {backbone.published}. --pretrained={RANDOM} takes random ones."
        )
    return pretrained.find(named, backbone) if named else ""


def _augment(source, share, images, seed):
    """A part of each image, drawn at random and mirrored or not, at the size of the image."""
    side = images.shape[1]
    images = pillow.random_resized_crops(images, side, seed, scale=(share, 1.0))
    return source.prepare(images)


def of_model(path, options, devices, method=None):
    """The `Encoder` of a trained model: a model directory, or a file of an original.

    Args:
        path: the model.
        options: the `Images`, of their size where the model does not say it.
        devices: the `Devices`.
        method: that it is expected to have; None takes any.
    """
    model = api.load(path, method=method, **dataclasses.asdict(devices))
    _check_images(model.recipe.backbone)
    source = model.recipe.input
    known = model.size[0] if model.size else source.side
    if options.image_size and known and options.image_size != known:
        raise ValueError(
            f"Expected --image_size as the model's, {known}. Received: {options.image_size}."
        )
    side = known or options.image_size
    if not side:
        raise ValueError("Expected --image_size: the model does not say it. Received none.")
    return Encoder(
        outputs=lambda images: tf.cast(model.outputs(images, training=False), tf.float32),
        source=source,
        augment=model.recipe.augment,
        side=side,
        strategy=model.strategy,
        about={"model": os.path.abspath(path), "weights": _sum_of(model, path)},
    )


def _check_images(backbone):
    """Raises ValueError for a backbone of vectors, which are there already."""
    if backbone.vectors:
        raise ValueError(
            f"Expected a network of images. {backbone.name} takes vectors: --dataset="
            "embeddings:PATH trains and tests on them as they are."
        )


def _sum_of(model, path):
    """The SHA-256 of what a model is: of its settings and its weights."""
    digest = hashlib.sha256()
    for name, array in sorted(model.arrays().items()):
        digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
    settings = model.settings() | {"versions": None}
    digest.update(json.dumps(settings, sort_keys=True).encode())
    return f"SHA-256 {digest.hexdigest()}"


def versions():
    """The programs that the vectors depend on."""
    return {"tfhash": __version__, "tensorflow": tf.__version__, "keras": keras.__version__}
