"""Weights to start a training from: where their file is found, and what is said of them."""

import glob
import os
import pathlib

from tfhash import files

FOLDER = "pretrained"  # of the current folder and of the repository
REPOSITORY = pathlib.Path(__file__).parents[1]
# What may be left out of a name: of a TF1 checkpoint, of MATLAB as `scipy.io.loadmat` does it, of
# an archive.
ENDINGS = ("", ".index", ".mat", ".zip")
PAGE = f"{FOLDER}/README.md"
RANDOM = "random"  # what is said where no weights of the network are published


def find(value, backbone):
    """The path of the file that is meant by `--pretrained=value`.

    Args:
        value: a path, or a name in pretrained/ of the current folder or of the repository; both
            may lack .mat or .zip, or the "-0676ba61.pth" of torchvision's names.
        backbone: the `Backbone`; one of its `words` stays as it is.
    Raises:
        ValueError: there is no such file, or several; names where it was looked for.
    """
    if value in backbone.words:
        return value
    place = pathlib.Path(os.path.expanduser(value))
    places = [place]
    if place.name == value:
        places += [folder / value for folder in _folders()]
    for place in places:
        found = _meant(place)
        if len(found) > 1:
            raise ValueError(
                f"Expected one file of weights by the name `{place}`. There are "
                f"{', '.join(one.name for one in found)}. Give the name in full."
            )
        if found:
            return str(found[0])
    raise ValueError(
        f"Expected a file of weights as --pretrained. Received: {value}. There is none at "
        f"{', '.join(f'`{place}`' for place in places)}, with or without .mat or .zip. {PAGE} says "
        "where each file is published."
    )


def _folders():
    """The folders of published files, those that may be missing too."""
    here = pathlib.Path(FOLDER)
    return [here] if here.resolve() == REPOSITORY / FOLDER else [here, REPOSITORY / FOLDER]


def _meant(place):
    """The files that are meant by a path, several only of torchvision's."""
    named = (place.with_name(place.name + ending) for ending in ENDINGS if place.name)
    there = [one for one in named if one.is_file()]
    return there[:1] or sorted(place.parent.glob(f"{glob.escape(place.name)}-*.pth"))


def said_of(path, backbone):
    """What weights a backbone begins with, in a line: the files and their sums, or that the
    weights are random and what the results of papers begin with.

    Args:
        path: what `find` gives; "" for none.
        backbone: the `Backbone`.
    """
    if path in backbone.words:
        return backbone.words[path]
    if path:
        named = (f"{part.name} (SHA-256 {files.sha256(part)})" for part in _parts(path))
        return ", ".join(named)
    if not backbone.published:
        return RANDOM
    there = [one for folder in _folders() for name in backbone.files for one in folder.glob(name)]
    way = f"--pretrained=FILE takes them, {PAGE} says where they are published"
    if there:
        way = f"they lie in `{there[0].parent}`, --pretrained={there[0].name} takes them"
    return f"{RANDOM}; results of papers on {backbone.name} begin with {backbone.published} ({way})"


def _parts(path):
    """The files of weights: `path`, and those with it where it is the index of a checkpoint."""
    file = pathlib.Path(path)
    data = file.parent.glob(f"{glob.escape(file.stem)}.data-*") if file.suffix == ".index" else ()
    return [file, *sorted(data)]
