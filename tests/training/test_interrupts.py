"""Signals: the first sets a flag and is answered at once, the second ends the process."""

import os
import queue
import signal
import subprocess
import sys

import pytest

from tests import golden
from tfhash.training import interrupts


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_sets_a_flag(number, status):
    with interrupts.caught() as caught:
        assert not caught
        signal.raise_signal(number)
        assert caught and caught.status == status


def test_it_says_what_is_waited_for():
    said = []
    with interrupts.caught(say=said.append) as caught:
        caught.doing = "step 13"
        signal.raise_signal(signal.SIGINT)
    (line,) = said
    assert "ended: step 13" in line and "Once more stops at once" in line


def test_it_answers_while_the_main_thread_is_busy():
    """A step of TensorFlow takes seconds, in which Python calls no handler: only the system's own
    handler runs, which writes the number."""
    said = queue.Queue()
    with interrupts.caught(say=said.put):
        writing = signal.set_wakeup_fd(-1)
        os.write(writing, bytes([signal.SIGINT]))
        assert "Stopping" in said.get(timeout=60)


def test_the_handlers_from_before_are_back_afterwards():
    before = [signal.getsignal(number) for number in interrupts.SIGNALS]
    with interrupts.caught():
        assert signal.getsignal(signal.SIGINT) not in before
    assert [signal.getsignal(number) for number in interrupts.SIGNALS] == before
    assert signal.set_wakeup_fd(-1) == -1


def test_an_output_that_nobody_reads_does_not_break_it():
    def say(text):
        raise BrokenPipeError

    with interrupts.caught(say=say) as caught:
        signal.raise_signal(signal.SIGTERM)
    assert caught.status == 143


BUSY = """
import signal, sys
from tfhash.training import interrupts
with interrupts.caught(say=lambda text: print("waiting", flush=True)):
    print("ready", flush=True)
    while True:
        try:
            sys.stdin.read()
        except BaseException:
            pass
"""


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_second_signal_ends_the_process_at_once(number, status):
    process = subprocess.Popen(
        [sys.executable, "-c", BUSY],
        cwd=golden.REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    for line in (b"ready\n", b"waiting\n"):
        assert process.stdout.readline() == line
        process.send_signal(number)
    assert process.wait() == status
    process.communicate()
