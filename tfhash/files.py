"""Files: written whole or not at all, and opened only where they are files."""

import contextlib
import hashlib
import os
import pathlib
import re
import secrets
import stat
import sys

ZIP, GZIP = b"PK\3\4", b"\x1f\x8b"  # what such files begin with
HTML, LFS = (b"<!doctype html", b"<html"), b"version https://git-lfs."
# The name of a file that is not whole yet: random digits, or the process as earlier versions had
# it, before its name when it is.
TEMPORARY = re.compile(r"\.([0-9a-f]{16}|[0-9]+)\.(?P<name>.+)")
WRAPPING = re.compile(r"\{\{.*?\}\}|\[Op:.*")  # of an error of TensorFlow, around its text


@contextlib.contextmanager
def whole(path):
    """Gives the path of a new file beside `path`, which takes its place when all is written.

    The folder of `path` is made where there is none. After an error nothing has changed. Nobody
    can guess the name of the new file, and it follows no link.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{secrets.token_hex(8)}.{path.name}")
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        with writing(path):
            yield partial
            sync(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    sync(path.parent)


class Unwritten(OSError):
    """A file can't be written: `reason` says why, in a few words."""

    def __init__(self, path, reason):
        super().__init__(f"`{path}` can't be written: {reason}.")
        self.reason = reason


@contextlib.contextmanager
def writing(path):
    """Within this, errors of the system or of TensorFlow that name no file name `path`.

    Those of a full disk name none, or they are many lines long. Of several of these around an
    error, the outermost names it: what a user knows, not what it is made of.

    Raises:
        Unwritten: in one line.
    """
    try:
        yield
    except Exception as error:
        reason = _reason(error)
        if reason is None:
            raise
        raise Unwritten(path, reason) from error


def _reason(error):
    """What the system says in an error that is about a file and does not name it; else None."""
    if isinstance(error, Unwritten):
        return error.reason
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow and isinstance(error, tensorflow.errors.OpError):
        text = WRAPPING.sub("", error.message).strip().partition("\n")[0]
        return text.rpartition("; ")[2]  # PATH; No space left on device
    if isinstance(error, OSError) and error.filename is None:
        return error.strerror or str(error)
    return None


def sync(path):
    """Waits until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read(path, expected, *, most=None):
    """The bytes of a file; ValueError as of `opened`, or where they are more than `most`."""
    with opened(path, expected) as file:
        content = file.read(None if most is None else most + 1)
    if most is not None and len(content) > most:
        raise ValueError(f"Expected {expected} at `{path}` of at most {most} bytes. It has more.")
    return content


def opened(path, expected, *, zipped=False):
    """`path` opened to read bytes, as the built-in `open` does it.

    Args:
        path: the file.
        expected: what it should be, for the error, as "an .npy file".
        zipped: whether it may be a zip archive.
    Raises:
        ValueError: it is missing, can't be read, or is a folder, a pipe or a device, which is
            not waited for; or it is a page, a pointer or an archive in place of the file, as a
            download leaves them. Names it.
    """
    try:
        file = open(path, "rb", opener=_at_once)
    except OSError as error:
        raise ValueError(
            f"Expected {expected} at `{path}`. It can't be read: {error.strerror}."
        ) from error
    regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    other = _other(file.peek(64), zipped) if regular else "a pipe or a device, not a file"
    if other:
        file.close()
        raise ValueError(f"Expected {expected} at `{path}`. It is {other}.")
    return file


def _other(head, zipped):
    """What begins with the bytes `head` in place of a file, in a few words; else None."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(HTML):
        return "an HTML page, such as a site shows in place of the file. Download it again"
    if head.startswith(LFS):
        return "a Git LFS pointer to the file. `git lfs pull` brings the file itself"
    if head.startswith((ZIP, GZIP)) and not zipped:
        return "zipped. Unpack it first"
    return None


def sha256(path):
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(2**20), b""):
            digest.update(block)
    return digest.hexdigest()


def _at_once(path, flags):
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe without a writer would block for ever
