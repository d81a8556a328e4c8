"""The size of a batch: one that the replicas can share and that the training images fill."""

import dataclasses
import logging

from tfhash import settings as origins

FEW_STEPS = 4  # of an epoch where the images do not fill a method's usual batch
LOG = logging.getLogger("tfhash")


def check(config, replicas, *, begun=False):
    """Raises ValueError where so many replicas can't share a batch of a `Config`.

    The way out is another batch, or for a training that has `begun` another number of devices.
    """
    if config.shared_by(replicas):
        return
    if begun:
        most = max(count for count in range(1, replicas) if config.shared_by(count))
        numbers = ",".join(map(str, range(most)))
        way = (
            "The batch of a training that goes on does not change. "
            f"Use --gpus={numbers} or --virtual_devices={most}."
        )
    else:
        way = f"Use --batch_size={nearest(config, replicas)} or fewer devices."
    raise ValueError(
        "Expected `batch_size` to be a multiple of the number of replicas, or of twice that "
        "where a loss takes halves of a batch. Received: "
        f"batch_size={config.batch_size}, replicas={replicas}. {way}"
    )


def nearest(config, replicas, size=None):
    """The batch size nearest to a `size` that so many replicas can share; of two the smaller.

    It is one that the `Config` allows. A `size` of None stands for its own.
    """
    size = config.batch_size if size is None else size
    sizes = range(replicas, 4 * replicas * config.batch_size, replicas)
    ordered = sorted(sizes, key=lambda other: abs(other - size))
    return next(other for other in ordered if _shares(config, other, replicas))


def _shares(config, batch_size, replicas):
    try:
        return dataclasses.replace(config, batch_size=batch_size).shared_by(replicas)
    except ValueError:  # the method has batches of other sizes
        return False


def shared(settings, replicas):
    """The settings with a batch that the replicas can share, where the user gave none."""
    config = settings.config
    if settings.origins["batch_size"] == origins.GIVEN or config.shared_by(replicas):
        return settings
    size = nearest(config, replicas)
    numbers = (size, config.batch_size, replicas)
    LOG.info("  --batch_size=%d in place of %d, so that %d replicas can share it", *numbers)
    return settings.with_batch(size, origins.DEVICES)


def fitting(settings, train, replicas):
    """The settings with a smaller batch where the default needs more images than train has.

    An epoch then has about `FEW_STEPS` steps. A batch that the user gave stays as it is.
    """
    config, labelled = settings.config, int(train.labelled.sum())
    largest = config.largest_batch(labelled, len(train) - labelled)
    if settings.origins["batch_size"] == origins.GIVEN or config.batch_size <= largest:
        return settings
    size = nearest(config, replicas, largest // FEW_STEPS)
    numbers = (size, config.batch_size, labelled, len(train))
    LOG.info("  --batch_size=%d in place of %d, as %d of %d training images have labels", *numbers)
    return settings.with_batch(size, origins.IMAGES)
