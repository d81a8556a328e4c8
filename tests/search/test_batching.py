"""What many threads ask for, computed together."""

import threading
import time

import numpy as np
import pytest

from tfhash.search.batching import Batcher


class Doubling:
    """Doubles rows; the first call waits until it may."""

    def __init__(self):
        self.sizes, self.may = [], threading.Event()

    def __call__(self, rows):
        self.sizes.append(len(rows))
        if len(self.sizes) == 1:
            self.may.wait()
        return 2 * rows


def asked(batcher, count):
    """The results of so many threads, each of which asks for the double of its number."""
    results = {}
    threads = [
        threading.Thread(target=lambda n=n: results.update({n: batcher(np.array([n]))}))
        for n in range(count)
    ]
    for thread in threads:
        thread.start()
    return threads, results


def test_each_gets_its_own_and_those_that_wait_are_computed_together():
    compute = Doubling()
    batcher = Batcher(compute, most=8)
    threads, results = asked(batcher, 17)
    while batcher._waiting.qsize() < 16:
        time.sleep(0.001)
    compute.may.set()
    for thread in threads:
        thread.join()
    batcher.close()
    assert {number: int(value[0]) for number, value in results.items()} == {
        number: 2 * number for number in range(17)
    }
    assert compute.sizes == [1, 8, 8]


def test_an_error_reaches_who_asked_and_the_next_is_answered():
    def compute(rows):
        if rows[0, 0] < 0:
            raise ValueError("below zero")
        return rows

    batcher = Batcher(compute)
    with pytest.raises(ValueError, match="below zero"):
        batcher(np.array([-1]))
    assert batcher(np.array([1])).tolist() == [1]
    batcher.close()


def test_results_of_another_number_are_an_error():
    batcher = Batcher(lambda rows: rows[:0])
    with pytest.raises(ValueError, match="zip"):
        batcher(np.array([1]))
    batcher.close()
