"""One writer at a time in the directory of an index, and errors of its files as a user reads them."""

import contextlib
import errno
import logging
import os
import sqlite3

WAIT = 10  # seconds, for another process
LOCK = "lock.sqlite"
LOG = logging.getLogger("tfhash")


@contextlib.contextmanager
def plain_errors(path):
    """Gives errors of SQLite, and of a full disk, as ValueErrors that name the index `path`."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ValueError(_full(path)) from error
    except sqlite3.OperationalError as error:
        text = str(error)
        if "full" in text:
            raise ValueError(_full(path)) from error
        reason = "another process writes to it" if "locked" in text else text
        raise ValueError(f"The index `{path}` can't be used: {reason}.") from error
    except sqlite3.DatabaseError as error:
        raise ValueError(
            f"`{path}` is no index, or a damaged one: {error}. Remove it and index again."
        ) from error


def _full(path):
    return (
        f"There is no room on the disk for the index `{path}`. The images that it holds stay; "
        "the same command goes on where there is room."
    )


@contextlib.contextmanager
def held(path):
    """Within this, no other process writes to the index `path`, whose directory is there.

    The system lets go of it when the process ends, however that comes about.

    Raises:
        ValueError: another process goes on writing for `WAIT` seconds.
    """
    with plain_errors(path):
        lock = sqlite3.connect(os.path.join(path, LOCK), timeout=0, isolation_level=None)
    with contextlib.closing(lock):
        with plain_errors(path):
            _acquire(lock, path)
        yield


def _acquire(lock, path):
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        LOG.info("Waiting up to %d s for another process that writes to %s", WAIT, path)
        lock.execute(f"PRAGMA busy_timeout = {1000 * WAIT}")
        lock.execute("BEGIN EXCLUSIVE")
