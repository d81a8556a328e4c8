"""What in a model directory tfhash has written: nothing else is ever removed.

The files of a test have many names, so `report/files.json` lists them.
"""

import contextlib
import functools
import json
import logging
import os
import pathlib
import re
import secrets
import stat

from tfhash import files

LOG = logging.getLogger("tfhash")
REPORT, LISTING = "report", "files.json"
MOST = 2**24  # bytes of a JSON file
FOLDERS = ("checkpoints", "tensorboard", REPORT)
FOLDER = re.compile(rf"checkpoints(/ckpt-\d+_temp)?|tensorboard|{REPORT}")
OWN = re.compile(
    r"config\.json|weights\.safetensors|manifest\.json|history\.jsonl|bad_images\.txt"
    r"|checkpoints/(checkpoint(\.tmp[0-9a-f]+)?|ckpt-\d+\.(index|data-\d+-of-\d+))"
    r"|checkpoints/ckpt-\d+_temp/part-[^/]+"
    r"|tensorboard/events\.out\.tfevents\.[^/]+"
    rf"|\.{REPORT}\.lock|{REPORT}/(files\.json|bad_images\.txt|\.[0-9a-f]{{16}}\.[^/]+)"
)


def beside(path, kind):
    """A path beside a model directory for a "new" or an "old" one; nobody can guess it."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.{kind}")


def check_links(path):
    """Raises ValueError where a folder in a model directory is a link.

    --overwrite removes none, so nothing is written where one leads.
    """
    for name in FOLDERS:
        folder = os.path.join(path, name)
        if os.path.islink(folder):
            raise ValueError(
                f"`{folder}` is a link, and those in a model directory are not followed. Put the "
                "folder itself there, or make the model directory as a whole a link."
            )


def settle(old, path):
    """Ends what replaces `path`, whose directory waits at `old`: removes it, or puts it back."""
    if old.exists() and path.exists():
        remove(old)
    elif old.exists():
        old.rename(path)


def strangers(path):
    """The paths in a model directory, relative to it, that tfhash has not written."""
    return sorted(name for _, name, own in _entries(path) if not own)


def remove(path, inside=""):
    """Removes what tfhash has written in a model directory, and the directory if that was all.

    Args:
        path: the directory; a link is not followed.
        inside: the name in a model directory that `path` has, where it is a folder of one.
    """
    if os.path.islink(path):
        return
    for file, _, own in list(_entries(path, inside)):
        if own:
            os.unlink(file)
    for folder, _, _ in os.walk(path, topdown=False):
        name = os.path.normpath(os.path.join(inside, os.path.relpath(folder, path)))
        if name == "." or FOLDER.fullmatch(name):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
    if os.path.exists(path):
        LOG.warning("`%s` holds what tfhash has not written, and stays.", path)


def _entries(path, inside=""):
    """Yields (path, name in the model directory, whether tfhash has written it) of all files in
    the folders of a model, and of what is no such folder."""
    listed = {f"{REPORT}/{name}" for name in recorded(os.path.join(path, REPORT))}
    for folder, folders, names in os.walk(path):
        start = os.path.normpath(os.path.join(inside, os.path.relpath(folder, path), "x"))[:-1]
        for name in list(folders):
            entry = os.path.join(folder, name)
            if os.path.islink(entry) or not FOLDER.fullmatch(start + name):
                folders.remove(name)
                yield entry, start + name, False
        for name in names:
            entry = os.path.join(folder, name)
            is_file = stat.S_ISREG(os.lstat(entry).st_mode)
            yield entry, start + name, is_file and _is_own(start, name, listed)


def _is_own(start, name, listed=()):
    temporary = files.TEMPORARY.fullmatch(name)
    meant = start + (temporary["name"] if temporary else name)
    return bool(OWN.fullmatch(start + name) or OWN.fullmatch(meant)) or meant in listed


# ---- what runs that were killed have left


def sweep(path):
    """Removes what killed trainings have left in and beside a model directory.

    Its lock must be held. A directory that was about to be replaced is put back.
    """
    path = pathlib.Path(path)
    kind = re.compile(rf"\.{re.escape(path.name)}\.(?:[0-9a-f]{{16}}\.(new|old)|(new|old)-\d+)")
    for other in path.parent.iterdir() if path.parent.is_dir() else ():
        found = kind.fullmatch(other.name)
        if found and "old" in found.groups():
            settle(other, path)
        elif found:
            remove(other)
    for start in ("", "checkpoints/"):
        sweep_files(path / start, functools.partial(_is_own, start))
    for folder in (path / "checkpoints").glob("ckpt-*_temp"):
        remove(folder, inside=f"checkpoints/{folder.name}")


def sweep_report(folder):
    """Removes what killed tests have left in the folder of a report, whose lock must be held."""
    names = recorded(folder)
    whole = re.compile(r"\.[0-9a-f]{16}\..+")
    sweep_files(folder, lambda name: whole.fullmatch(name) or name.split(".", 2)[-1] in names)


def sweep_files(folder, is_own):
    """Removes the temporary files in a folder whose names `is_own` accepts."""
    for path in pathlib.Path(folder).iterdir() if os.path.isdir(folder) else ():
        if files.TEMPORARY.fullmatch(path.name) and is_own(path.name) and not path.is_dir():
            path.unlink()


# ---- reports


def record(folder, paths):
    """Adds files in the folder of a report to the list of those that tests have written."""
    names = {os.path.basename(path) for path in paths} | recorded(folder)
    with files.whole(os.path.join(folder, LISTING)) as partial:
        partial.write_text(json.dumps(sorted(names), indent=2) + "\n")


def recorded(folder):
    """The names of the files in the folder of a report that tests have written, a set."""
    path = os.path.join(folder, LISTING)
    if not os.path.exists(path):
        return set()
    with contextlib.suppress(ValueError, RecursionError):
        names = json.loads(files.read(path, "a list of files", most=MOST))
        if isinstance(names, list):
            return {name for name in names if isinstance(name, str)}
    return set()
