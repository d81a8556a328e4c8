"""A file that is published inside of a zip archive, read without unpacking it."""

import io
import os
import zipfile

from tfhash import checks, files

# Bytes that a file may take, and as many times those of its archive: weights hardly shrink.
ROOM, RATIO = 64 * 2**20, 20
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # those of zip itself, which read in parts


def unzipped(file, path):
    """`file`, or the single file inside of it where it is a zip archive, in memory.

    Args:
        file: as `files.opened` gives it, at its beginning.
        path: its path, for the error.
    Raises:
        ValueError: the archive is damaged, holds none or several files, or one that takes far
            more than the archive.
    """
    if not file.peek(len(files.ZIP)).startswith(files.ZIP):
        return file
    try:
        return _member(file, max(ROOM, RATIO * os.path.getsize(path)))
    except Exception as error:  # of zipfile, for a damaged archive: of any kind
        raise ValueError(
            f"Expected a zip archive of one file at `{path}`: {checks.brief(error)}. Unpack it and "
            "give the file itself."
        ) from error


def _member(file, most):
    with zipfile.ZipFile(file) as archive:
        members = [one for one in archive.infolist() if _is_file(one)]
        if len(members) != 1:
            raise ValueError(f"it holds {len(members)} files")
        member = members[0]
        if member.compress_type not in METHODS or member.file_size > most:
            raise ValueError(
                f"its file takes {member.file_size} bytes by compression {member.compress_type}, "
                f"expected up to {most} by one of {METHODS}"
            )
        with archive.open(member) as content:
            return io.BytesIO(content.read(member.file_size))


def _is_file(member):
    """Whether a member of an archive is a file, and none of those that macOS adds."""
    return not member.is_dir() and not member.filename.startswith("__MACOSX/")
