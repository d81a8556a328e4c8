"""How far a long work is, on a terminal as a bar and elsewhere as a line from time to time."""

import logging
import sys
import time

LOG = logging.getLogger("tfhash")
WIDTH = 30  # letters of the bar
SHOWN, LOGGED = 0.2, 10  # seconds between two bars, and between two lines


class Progress:
    """Shows how many of some images are done, how many a second, and the time that is left.

    Args:
        total: images.
        stream: the terminal; None for that of the errors, if it is one.
    """

    def __init__(self, total, stream=None):
        self.total, self._begun = total, time.monotonic()
        self._stream = stream or (sys.stderr if sys.stderr.isatty() else None)
        self._every = SHOWN if self._stream else LOGGED
        self._told = self._begun

    def __call__(self, done):
        """Shows that so many images are done; not each time."""
        now = time.monotonic()
        if now - self._told < self._every and done < self.total:
            return
        self._told = now
        rate = done / max(now - self._begun, 1e-9)
        text = line(done, self.total, rate)
        if self._stream is None:
            if done < self.total:
                LOG.info("indexed %s", text)
            return
        filled = round(WIDTH * done / max(self.total, 1))
        bar = "=" * filled + " " * (WIDTH - filled)
        self._stream.write(f"\r[{bar}] {text}\033[K" + ("\n" if done == self.total else ""))
        self._stream.flush()

    def end(self):
        """Ends the line of a bar that did not come to its end."""
        if self._stream:
            self._stream.write("\n")


def line(done, total, rate):
    """As "1200 of 5780 images, 310/s, 15 s left"."""
    left = (total - done) / rate if rate else float("inf")
    return f"{done} of {total} images, {rate:.0f}/s, {duration(left)} left"


def duration(seconds):
    """Seconds as "15 s", "2 min" or "1 h 05 min"."""
    if seconds == float("inf"):
        return "some time"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02} min"
