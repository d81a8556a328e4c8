"""One process at a time for what is written into a folder."""

import contextlib
import errno
import logging
import os
import pathlib
import socket

from tfhash import checks, files

LOG = logging.getLogger("tfhash")
TAKEN = (errno.EWOULDBLOCK, errno.EACCES)


@contextlib.contextmanager
def held(folder):
    """Within this, no other process that asks for the lock of `folder` gets it.

    The lock is the system's, on the file `.NAME.lock` beside the folder, which need not exist. It
    is free when this process dies, however it does.

    Raises:
        ValueError: another process has it; says which.
    """
    folder = pathlib.Path(os.path.realpath(folder))
    path = folder.with_name(f".{folder.name}.lock")
    made = [parent for parent in path.parents if not parent.exists()]
    handle = _take(path, folder)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)
        with contextlib.suppress(OSError):  # other files are there by now
            for parent in made:
                parent.rmdir()


def _take(path, folder):
    """The handle of the locked file at `path`."""
    while True:
        handle = _opened(path)
        if not _is_locked(handle, path):
            holder = checks.brief(os.read(handle, 200).decode(errors="replace") or "another one")
            os.close(handle)
            raise ValueError(
                f"`{folder}` is written by another process now: {holder}. Wait for its end, or "
                "choose another folder."
            )
        if _is_at(handle, path):
            _write_holder(handle, path)
            return handle
        os.close(handle)  # who had it has removed the file meanwhile


def _write_holder(handle, path):
    """Says in a locked file which process has the lock, and removes it where there is no room."""
    try:
        with files.writing(path):
            os.ftruncate(handle, 0)
            os.write(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
    except OSError:
        path.unlink(missing_ok=True)
        os.close(handle)
        raise


def _opened(path):
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Removed by another process at its end, with a folder that it had made.
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)


def _is_locked(handle, path):
    """Locks an open file; False where another process has the lock."""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError) as error:
        if getattr(error, "errno", None) in TAKEN:
            return False
        LOG.warning(
            "`%s` can't be locked here (%s): see to it that no other process writes there.",
            path,
            checks.brief(error),
        )
    return True


def _is_at(handle, path):
    """Whether an open file is still the one at `path`."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False
