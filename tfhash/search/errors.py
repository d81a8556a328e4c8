"""Errors of the files of an index, as a user reads them."""

import contextlib
import errno
import sqlite3

FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def plain(path):
    """Gives errors of SQLite, and of a full disk, as ValueErrors that name the index `path`."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise ValueError(_full(path)) from error
    except sqlite3.OperationalError as error:
        if "full" in str(error):
            raise ValueError(_full(path)) from error
        raise ValueError(f"The index `{path}` can't be used: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise ValueError(
            f"`{path}` is no index, or a damaged one: {error}. Remove it and index again."
        ) from error


def _full(path):
    return (
        f"There is no room on the disk for the index `{path}`. The images that it holds stay; the "
        "same command goes on where there is room."
    )
