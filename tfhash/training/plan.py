"""Which steps come next, as a function of what is done. Knows nothing of TensorFlow."""

import typing


class Done(typing.NamedTuple):
    """How far a training is: epochs closed, the step at which the present one began, steps."""

    epoch: int = 0
    start: int = 0
    step: int = 0


class Part(typing.NamedTuple):
    """Steps `first` to `stop` (excluded) of an epoch, and whether the epoch is closed then."""

    epoch: int
    first: int
    stop: int
    closes: bool


def epochs(total, steps):
    """The number of epochs, the last of which may be a part of one."""
    return -(-total // steps)


def next_part(total, steps, done, length=None):
    """The `Part` of the epoch at hand that is left, or None where the training is done.

    Args:
        total: steps of the training, if each epoch has `steps`.
        steps: of an epoch.
        done: a `Done`.
        length: steps of the epoch at hand where it has others, at most `steps`; None for `steps`.
    """
    left = total - done.epoch * steps
    length = length or steps
    stop = done.start + min(length, left)
    if left <= 0 or (length > left and done.step >= stop):
        return None
    return Part(done.epoch, done.step, stop, closes=length <= left)
