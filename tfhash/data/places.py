"""Where the files of a dataset may lie, and what its names are."""

import os

ALIASES = {"nus_wide": "nuswide_81"}  # HashNet's name


def folders(data_dir, dataset):
    """`data_dir`, and the folders of the dataset's names in it, where DeepHash has its lists."""
    names = [dataset, *(alias for alias, name in ALIASES.items() if name == dataset)]
    return [os.fspath(data_dir), *(os.path.join(data_dir, name) for name in names)]


def names_it(folder, dataset):
    """Whether the name of a folder is one of a dataset's names."""
    name = os.path.basename(os.path.abspath(folder))
    return ALIASES.get(name, name) == dataset


def base(paths, candidates):
    """The folder that relative `paths` begin at: that where most of them are files.

    Of equals the first of `candidates`; None where none of the paths is a file.
    """
    counts = [sum(os.path.isfile(os.path.join(one, path)) for path in paths) for one in candidates]
    return candidates[counts.index(max(counts))] if any(counts) else None
