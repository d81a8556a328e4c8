"""The image files below a folder, and an account of everything else that lies there."""

import collections
import dataclasses
import os

from tfhash.data import decoding


@dataclasses.dataclass(frozen=True)
class ImageFiles:
    """What lies below a folder.

    Attributes:
        paths: the image files; those of a folder by name, then those of its sub-folders by name.
        passed_over: `{suffix in lower case: number}` of the other files; "" for no suffix.
        linked: files and folders that a link reaches once more, and that count once.
        closed: folders that can't be opened.
    """

    paths: tuple
    passed_over: dict
    linked: int = 0
    closed: tuple = ()

    def lines(self):
        """What was left out, in lines for the log; none where nothing was."""
        lines = []
        if self.passed_over:
            ordered = sorted(self.passed_over.items(), key=lambda item: (-item[1], item[0]))
            counts = [f"{number} {suffix or 'without a suffix'}" for suffix, number in ordered]
            lines.append(f"left out: {', '.join(counts)}")
        for suffix in sorted(self.passed_over):
            command = decoding.hint(suffix)
            lines += [f"to read {suffix} files: {command}"] if command else []
        if self.closed:
            lines.append(f"left out: folders that can't be opened: {', '.join(self.closed)}")
        if self.linked:
            lines.append(f"counted once: {self.linked} files or folders that links reach again")
        return lines


def image_files(folder):
    """The `ImageFiles` below `folder`, at any depth.

    A file whose suffix the installed decoders read is taken for an image, whatever it holds, and
    so is a link that leads nowhere: to decode it names it. Hidden files and folders, whose names
    begin with a dot, are not looked at. Links are followed, but nothing is reached twice.

    Raises:
        ValueError: no such folder.
    """
    if not os.path.isdir(folder):
        raise ValueError(f"Expected a folder of images at `{folder}`. There is none.")
    walk = _Walk(folder)
    while walk.waiting:
        walk.enter(*walk.waiting.pop())
    counts = dict(walk.passed_over)
    return ImageFiles(tuple(walk.paths), counts, walk.linked, tuple(walk.closed))


class _Walk:
    """The folders still to enter, as (path, path without links), and what came so far."""

    def __init__(self, folder):
        real = os.path.realpath(folder)
        self.waiting, self.seen = [(os.fspath(folder), real)], {real}
        self.paths, self.closed, self.linked = [], [], 0
        self.passed_over = collections.Counter()

    def enter(self, folder, real):
        try:
            with os.scandir(folder) as entries:
                visible = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError:
            self.closed.append(folder)
            return
        inner = []
        for entry in sorted(visible, key=lambda entry: entry.name):
            linked = entry.is_symlink()
            target = os.path.realpath(entry.path) if linked else os.path.join(real, entry.name)
            if os.path.isdir(target) if linked else entry.is_dir():
                inner += [(entry.path, target)] if self._is_new(target) else []
            else:
                self._take(entry, target)
        self.waiting += reversed(inner)

    def _take(self, entry, target):
        suffix = os.path.splitext(entry.name)[1].lower()
        special = os.path.exists(target) and not os.path.isfile(target)  # a pipe would wait
        if special or suffix not in decoding.suffixes():
            self.passed_over[suffix] += 1
        elif self._is_new(target):
            self.paths.append(entry.path)

    def _is_new(self, target):
        if target in self.seen:
            self.linked += 1
            return False
        self.seen.add(target)
        return True
