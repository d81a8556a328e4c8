"""The images that a user searches for, as they stand on a command line."""

import glob
import logging
import os

from tfhash.data import decoding, image_files

LOG = logging.getLogger("tfhash")


def paths_of(words):
    """The image files that words name, in their order, each once.

    Args:
        words: paths of image files, folders of them, and patterns as of a shell.
    Raises:
        ValueError: there is no such file, a file that is named can't be read, or in a folder or
            a pattern none can. Others there are left out, with a line in the log.
    """
    found = {}
    for word in words:
        path = os.path.expanduser(word)
        if os.path.isdir(path):
            found |= dict.fromkeys(_readable(image_files.image_files(path).paths, word))
        elif os.path.lexists(path) or not glob.has_magic(path):
            decoding.check(path)
            found[path] = None
        else:
            files = [one for one in sorted(glob.glob(path, recursive=True)) if os.path.isfile(one)]
            found |= dict.fromkeys(_readable(files, word))
    return list(found)


def _readable(paths, word):
    """Those of some paths that are images."""
    good = []
    for path in paths:
        try:
            decoding.check(path)
        except ValueError as error:
            LOG.info("left out: %s", error)
        else:
            good.append(path)
    if not good:
        raise ValueError(f"Expected images to search for at `{word}`. There is none.")
    return good
