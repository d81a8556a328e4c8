"""Which steps come next: a table of cases, and every training walked through."""

import itertools

import pytest

from tfhash.training import plan
from tfhash.training.plan import Done, Part


@pytest.mark.parametrize(
    "total, steps, done, length, expected",
    [
        (6, 3, Done(), None, Part(0, 0, 3, True)),
        (6, 3, Done(0, 0, 2), None, Part(0, 2, 3, True)),  # resumed within an epoch
        (6, 3, Done(0, 0, 3), None, Part(0, 3, 3, True)),  # interrupted before it was closed
        (6, 3, Done(1, 3, 3), None, Part(1, 3, 6, True)),
        (6, 3, Done(2, 6, 6), None, None),
        (5, 3, Done(1, 3, 3), None, Part(1, 3, 5, False)),  # the last epoch is a part of one
        (5, 3, Done(1, 3, 5), None, None),
        (6, 3, Done(1, 3, 5), None, Part(1, 5, 6, True)),  # gone on with to more steps
        (6, 3, Done(0, 0, 0), 1, Part(0, 0, 1, True)),  # a shorter epoch
        (6, 3, Done(1, 1, 1), 2, Part(1, 1, 3, True)),
        (6, 3, Done(2, 3, 3), 2, None),
    ],
)
def test_the_next_part_of_a_training(total, steps, done, length, expected):
    assert plan.next_part(total, steps, done, length) == expected


@pytest.mark.parametrize("total, steps", list(itertools.product(range(1, 9), range(1, 5))))
@pytest.mark.parametrize("stops", [(), (1,), (2, 5)])
def test_every_step_is_taken_once_wherever_a_training_is_interrupted(total, steps, stops):
    done, taken, stops = Done(), [], list(stops)
    while (part := plan.next_part(total, steps, done)) is not None:
        stop = part.stop
        if stops and part.first < stops[0] <= part.stop:
            stop = stops.pop(0)
        taken += range(part.first, stop)
        closes = part.closes and stop == part.stop
        done = Done(done.epoch + 1, stop, stop) if closes else done._replace(step=stop)
    assert taken == list(range(total))
    assert done.epoch == total // steps


def test_the_number_of_epochs_counts_a_part_of_one():
    assert [plan.epochs(total, 3) for total in (1, 3, 4)] == [1, 1, 2]
