"""SIGINT and SIGTERM as a flag that a training reads between its steps."""

import contextlib
import os
import signal
import threading

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """True when a signal has come.

    Attributes:
        number: of the first signal; None for none.
        doing: what is under way, as the training says.
    """

    def __init__(self):
        self.number, self.doing = None, "the start, with its data and model"

    def __bool__(self):
        return self.number is not None

    @property
    def status(self):
        """The exit status that a shell expects of a process that a signal has ended."""
        return 128 + self.number

    def receive(self, number, frame=None):
        """Keeps the number of the first signal."""
        self.number = self.number or number


@contextlib.contextmanager
def caught(say=lambda text: None):
    """Within this, the first SIGINT or SIGTERM only sets a flag; the second ends the process.

    Python calls the handler of a signal between two of its own instructions, which may be half a
    minute apart. So a thread reads the signals too: it answers at once.

    Args:
        say: is called with a line for the user when the first one comes, in the thread.
    Yields:
        `Interrupts`.
    """
    interrupts = Interrupts()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    answering = threading.Thread(target=_answer, args=(reading, interrupts, say), daemon=True)
    answering.start()
    before = {number: signal.signal(number, interrupts.receive) for number in SIGNALS}
    former = signal.set_wakeup_fd(writing)
    try:
        yield interrupts
    finally:
        signal.set_wakeup_fd(former)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writing)
        answering.join()
        os.close(reading)


def _answer(reading, interrupts, say):
    """Reads the numbers of signals until the pipe is closed."""
    answered = False
    while number := os.read(reading, 1):
        if number[0] not in SIGNALS:
            continue
        if answered:
            os._exit(128 + number[0])  # whatever the main thread does
        answered = True
        interrupts.receive(number[0])
        with contextlib.suppress(OSError):  # nobody reads the output
            say(
                f"\nStopping when this has ended: {interrupts.doing}. The state is saved then. "
                "Once more stops at once, and leaves the state that was saved last."
            )
