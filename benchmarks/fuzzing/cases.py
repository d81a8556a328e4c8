"""Runs a reader on damaged files, each time in a process of its own, and says what happened.

Such a process is a fork of this one, which has imported what the reader needs: that takes a few
milliseconds, and twenty once TensorFlow is among it. No fork of one that computes with TensorFlow
is made: its threads would be missing there.
"""

import contextlib
import dataclasses
import importlib
import os
import pathlib
import signal
import typing

import numpy as np

from benchmarks.fuzzing import damages
from tfhash import sandbox

OUTCOMES = ("clean", "one line", "traceback", "abort", "over 1 GiB", "over 10 s")
ALLOWED = OUTCOMES[:2]
MEMORY, SECONDS, WAITING = 2**30, 10, 30  # the last of the clock: for what waits and does nothing
LONGEST = 1500  # letters of a line that a user can read
PIPE = object()  # a hostile content: not a file, but a pipe that nothing is written to


@dataclasses.dataclass(frozen=True)
class Reader:
    """How a reader is tried.

    Attributes:
        write: `(folder)` writes valid files into a folder.
        targets: names of those that are damaged.
        read: `(folder)` reads them.
        hostile: `(folder)` -> `{name of the case: {name of a file: content or PIPE}}`.
        damage: `(content, rng)` -> content; by default `damages.of_bytes`.
        sealed: `(folder)` is called when a file has been damaged, to make sums right again.
        imports: modules that are imported once, before its processes are forked.
    """

    write: typing.Callable
    targets: tuple
    read: typing.Callable
    hostile: typing.Callable = lambda folder: {}
    damage: typing.Callable = damages.of_bytes
    sealed: typing.Callable | None = None
    imports: tuple = ()


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of a case.

    Attributes:
        memory: MiB at the peak, beyond those of the process when it began.
        seconds: of the processor.
    """

    case: str
    outcome: str
    message: str
    memory: int
    seconds: float


def _forked_failure(function, path, *, memory, size):
    """`sandbox.failure` by a fork of this process, in which all is imported already."""
    seconds = sandbox.SECONDS + size // sandbox.BYTES_A_SECOND
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(writing, 1)
        sandbox.run(function, os.fspath(path), memory, seconds)
    os.close(writing)
    with open(reading, "rb") as pipe:
        message = pipe.read().decode(errors="replace")
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return sandbox.reason(status, message, memory, seconds)


def run(reader, folder, count, seed):
    """Yields a `Result` for the valid files, `count` damaged ones and each hostile one."""
    folder = pathlib.Path(folder)
    sandbox.failure = _forked_failure
    for module in reader.imports:
        importlib.import_module(module)
    if _in_child(lambda: reader.write(folder))[0]:
        raise RuntimeError("The valid files can't be written.")
    valid = {name: (folder / name).read_bytes() for name in reader.targets}
    _, start, _ = _in_child(lambda: None)

    def result(case):
        return _result(reader, folder, case, start)

    first = result("valid files")
    if first.outcome != "clean":
        raise RuntimeError(f"The reader fails on valid files: {first.message}")
    yield first
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        name = reader.targets[rng.integers(len(reader.targets))]
        content = reader.damage(valid[name], rng)
        yield from _with(folder, valid, {name: content}, reader.sealed, result, f"damage {number}")
    hostile = reader.hostile(folder) | {f"{n} is a pipe": {n: PIPE} for n in reader.targets}
    for case, contents in hostile.items():
        yield from _with(folder, valid, contents, None, result, case)


def _with(folder, valid, contents, sealed, result, case):
    """The result with other contents of some files, which are as they were afterwards."""
    for name, content in contents.items():
        (folder / name).unlink(missing_ok=True)
        if content is PIPE:
            os.mkfifo(folder / name)
        else:
            (folder / name).write_bytes(content)
    if sealed:
        sealed(folder)
    yield result(case)
    for name in contents:
        (folder / name).unlink(missing_ok=True)
    for name, content in valid.items():
        if not (folder / name).exists() or sealed or name in contents:
            (folder / name).write_bytes(content)


def _result(reader, folder, case, start):
    """Runs a reader in a child, and says what happened to it."""
    reading, writing = os.pipe()

    def child():
        _limit()
        os.write(writing, _read(reader, folder).encode(errors="replace"))

    status, memory, seconds = _in_child(child)
    os.close(writing)
    with open(reading, "rb") as pipe:
        outcome, _, message = pipe.read().decode(errors="replace").partition("\n")
    if seconds > SECONDS or status in (-signal.SIGPROF, -signal.SIGALRM):
        outcome = "over 10 s"
    elif status:
        outcome, message = "abort", f"exit status {status}"
    elif memory - start > MEMORY:
        outcome = "over 1 GiB"
    return Result(case, outcome, message, max(0, memory - start) // 2**20, seconds)


def _read(reader, folder):
    """The outcome and, on the next line, the message of a reader that comes back."""
    try:
        reader.read(folder)
    except MemoryError as error:
        return f"over 1 GiB\n{error}"
    except Exception as error:  # of any kind: that is the question
        text = str(error)
        names = [str(folder), *reader.targets, *(pathlib.Path(n).stem for n in reader.targets)]
        named = any(name in text for name in names)
        plain = type(error) in (ValueError,) and len(text) <= LONGEST and text.isprintable()
        kind = "one line" if plain and named else "traceback"
        return f"{kind}\n{type(error).__name__}: {text[:LONGEST]!r}"
    return "clean\n"


def _limit():
    """Ends this process where it takes more than is allowed; memory a little later, to see it."""
    sandbox.limit(2 * MEMORY, SECONDS + 5)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.setitimer(signal.ITIMER_REAL, WAITING)


def _in_child(function):
    """Runs `function` in a fork: its exit status, under 0 for a signal, the bytes at its peak and
    the seconds of the processor; with those of its own children."""
    child = os.fork()
    if not child:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        try:
            function()
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status, usage = os.wait4(child, 0)
    seconds = usage.ru_utime + usage.ru_stime
    return os.waitstatus_to_exitcode(status), 1024 * usage.ru_maxrss, seconds


@contextlib.contextmanager
def named(name):
    """Names the file in errors about what has been read of it, which name the argument."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
