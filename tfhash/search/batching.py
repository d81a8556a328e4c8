"""What many threads ask for, computed some at once."""

import concurrent.futures
import queue
import threading

import numpy as np

MOST = 32  # rows at once


class Batcher:
    """Computes a row for each of many threads, those that wait together.

    Args:
        compute: `[n, ...] -> [n, ...]`; is called in one thread alone.
        most: rows at once.
    """

    def __init__(self, compute, most=MOST):
        self._compute, self._most = compute, most
        self._waiting = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def __call__(self, row):
        """The result of a row; raises what `compute` raises."""
        result = concurrent.futures.Future()
        self._waiting.put((row, result))
        return result.result()

    def close(self):
        """Ends the thread, after what waits."""
        self._waiting.put(None)
        self._thread.join()

    def _work(self):
        while together := self._together():
            rows, results = zip(*together)
            try:
                for result, row in zip(results, self._compute(np.stack(rows)), strict=True):
                    result.set_result(row)
            except Exception as error:  # which the threads that asked get
                for result in results:
                    if not result.done():
                        result.set_exception(error)

    def _together(self):
        """The rows that wait, up to `most`, at least one; none where the end comes first."""
        together = []
        while len(together) < self._most:
            try:
                one = self._waiting.get(block=not together)
            except queue.Empty:
                break
            if one is None:
                if together:
                    self._waiting.put(None)
                break
            together.append(one)
        return together
