"""SIGINT and SIGTERM as a flag that a training reads between its steps."""

import contextlib
import signal
import sys

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Whether a signal came, and which: `number` is None or its number.

    A second one ends the process at once, as if it had not been caught.
    """

    def __init__(self, say=lambda text: None):
        self.number = None
        self._say = say

    def __bool__(self):
        return self.number is not None

    @property
    def status(self):
        """The exit status that a shell expects of a process that a signal has ended."""
        return 128 + self.number

    def _receive(self, number, frame):
        if self:
            sys.stderr.flush()
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.number = number
        self._say("\nStopping after this step; the state is saved then. Once more stops at once.")


@contextlib.contextmanager
def caught(say=lambda text: None):
    """Within this, the first SIGINT or SIGTERM only sets a flag.

    Args:
        say: is called with a line for the user when it comes.
    Yields:
        `Interrupts`.
    """
    interrupts = Interrupts(say)
    before = {number: signal.signal(number, interrupts._receive) for number in SIGNALS}
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
