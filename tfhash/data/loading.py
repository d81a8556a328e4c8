"""Datasets by name."""

import os

from tfhash.data import (
    cifar,
    cifar100,
    digits,
    embedding_files,
    embeddings,
    folders,
    imagenet32,
    lists,
    places,
    tfds,
)

LISTED = ("cifar10_zero_shot", "nuswide_81", "nuswide_21", "coco", "imagenet", "cub")
PICKLED = {"cifar10": cifar, "cifar100": cifar100, "imagenet32": imagenet32}
DOWNLOADS = {"cifar10": "170 MB", "cifar100": "169 MB", "imagenet32": "3.7 GB"}
NAMES = ("auto", "digits", *PICKLED, *LISTED, "tfds:NAME", "folder:PATH", "embeddings:PATH")
PREFIXES = tuple(name.partition(":")[0] for name in NAMES if ":" in name)


def resolve(dataset, data_dir, *, given=False, files=()):
    """The dataset that a name stands for, and a line that says which, and where it comes from.

    "auto" is the dataset whose pickles, lists or prepared TFDS copy lie in `data_dir`, CIFAR-10
    before others; else CIFAR-10 where TFDS' own folder has it; else digits. It never downloads.
    Any other name stands for itself; the line says so where it is to be downloaded.

    Args:
        dataset: one of `NAMES`, or another name of one of these.
        data_dir: the folder of its files, or that of a folder of its name.
        given: whether the user gave `data_dir`: then it is an error that it holds nothing.
        files: as for `load`.
    Raises:
        ValueError: an unknown name, or nothing in a given `data_dir`; says what was looked for.
    """
    data_dir = os.path.expanduser(data_dir)
    dataset = places.ALIASES.get(dataset, dataset)
    check_name(dataset)
    named, files = dataset != "auto", {part: path for part, path in dict(files).items() if path}
    if not named:
        dataset = _auto(data_dir, given and not files)
    _check_files(dataset, files)
    if dataset == "digits" and not named:
        return dataset, (
            f"dataset: digits, which come with scikit-learn (no CIFAR-10 in {data_dir}; "
            f"--dataset=cifar10 downloads it, {DOWNLOADS['cifar10']})"
        )
    kind, folder = _source(dataset, data_dir, given, files)
    if kind == "download":
        size = f" ({DOWNLOADS[dataset]})" if dataset in DOWNLOADS else ""
        return dataset, f"dataset: {dataset}, to be downloaded{size} to {folder}"
    return dataset, f"dataset: {dataset}" + (f", the {kind} in {folder}" if folder else "")


def ready(dataset, data_dir):
    """(kind, folder) of the files in `data_dir` that a dataset would be read from, or None.

    The kind is "pickles", "lists" or "copy", one prepared by TFDS. None also for a dataset that
    has no name of its own, such as folder:PATH.
    """
    if dataset not in (*PICKLED, *LISTED):
        return None
    return _ready(dataset, os.path.expanduser(data_dir), inside=True)


def check_name(dataset):
    """Raises ValueError for a name that is none of `NAMES`, nor another name of one of these."""
    dataset = places.ALIASES.get(dataset, dataset)
    kind, colon, rest = dataset.partition(":")
    if (dataset in NAMES and not colon) or (kind in PREFIXES and colon and rest):
        return
    path = os.path.expanduser(dataset)
    hint = ""
    if path.endswith(embedding_files.ENDINGS):
        hint = f" For vectors use --dataset=embeddings:{dataset}"
    elif os.sep in path or os.path.isdir(path):
        hint = f" For a folder of own images use --dataset=folder:{dataset}"
    raise ValueError(
        f"Expected `dataset` to be one of {', '.join(NAMES)}. Received: {dataset!r}.{hint}"
    )


def _check_files(dataset, files):
    if files and dataset not in (*LISTED, "cifar10"):
        raise ValueError(
            f"Expected {', '.join(f'{part}_file' for part in files)} for cifar10 or one of "
            f"{', '.join(LISTED)} only. Received: dataset={dataset!r}."
        )


def _auto(data_dir, given):
    names = [name for name in (*PICKLED, *LISTED) if _ready(name, data_dir, True, named=True)]
    if "cifar10" in names or len(names) == 1:
        return names[0]
    if names or lists.folder("cifar10", data_dir):
        choice = names or ("cifar10", *LISTED)
        raise ValueError(
            f"Expected files of one dataset in `{data_dir}`, or a folder of its name, to choose it "
            f"by. Received: {' and '.join(names) or 'image lists that may be of any dataset'}. "
            f"Name it as --dataset: {', '.join(choice)}."
        )
    if given:
        _raise_nothing("auto", data_dir, "use the digits, which need no files")
    return "cifar10" if _ready("cifar10", data_dir, False) else "digits"


def _source(dataset, data_dir, given, files):
    """The kind of what a dataset is read from, and its folder, or None where it needs none."""
    kind, _, _ = dataset.partition(":")
    if kind in ("digits", "folder", "embeddings"):
        return kind, None
    if dataset in LISTED or files:
        return "lists", lists.folder(dataset, data_dir) or data_dir
    ready = _ready(dataset, data_dir, inside=given)
    if ready is None and given:
        _raise_nothing(dataset, data_dir, "use a copy elsewhere or to download it")
    return ready or ("download", tfds.folders(data_dir)[1])


def _ready(dataset, data_dir, inside, *, named=False):
    """The kind and the folder of the files that lie ready; None where there are none.

    Args:
        inside: looks into `data_dir` alone, not into TFDS' own folder.
        named: takes lists only where the folder or their width says that they are the dataset's.
    """
    for place in places.folders(data_dir, dataset) if dataset in PICKLED else ():
        folder = PICKLED[dataset].folder_of_pickles(place)
        if folder:
            return "pickles", folder
    folder = lists.folder(dataset, data_dir) if dataset in (*LISTED, "cifar10") else None
    if folder and not (named and not _is_of(folder, dataset)):
        return "lists", folder
    if dataset in LISTED:
        return None
    folder = tfds.prepared(_tfds_name(dataset), data_dir, inside=inside)
    return ("copy", folder) if folder else None


def _is_of(folder, dataset):
    """Whether the lists in a folder are those of a dataset, as its name or their width says."""
    named = [name for name in ("cifar10", *LISTED) if places.names_it(folder, name)]
    if named or dataset != "cifar10":
        return dataset in named
    return lists.width(folder) == len(cifar.CLASSES)


def _tfds_name(dataset):
    return PICKLED[dataset].TFDS_NAME if dataset in PICKLED else dataset.removeprefix("tfds:")


def _raise_nothing(dataset, data_dir, otherwise):
    kinds = ["Python pickles"] if dataset in (*PICKLED, "auto") else []
    kinds += [f"the lists {', '.join(lists.NAMES)}"] if dataset in ("cifar10", "auto") else []
    kinds.append("a copy prepared by TensorFlow Datasets")
    raise ValueError(
        f"Expected files for --dataset={dataset} in `{data_dir}`, as --data_dir says, or in a "
        f"folder of the dataset's name there: {' or '.join(kinds)}. "
        + ("There are none. " if os.path.isdir(data_dir) else "There is no such folder. ")
        + f"Correct --data_dir, or leave it out to {otherwise}."
    )


def load(
    dataset,
    *,
    data_dir,
    given=False,
    image_size=None,
    seed=0,
    order=None,
    num_classes=0,
    files=(),
    split="",
):
    """The `Splits` of a dataset.

    Args:
        dataset, data_dir, given: as for `resolve`.
        image_size: side in pixels that images are resized to; None for the dataset's own.
        seed: of a split that is drawn.
        order: `[n]` positions of CIFAR-10's images sorted by label, for GPQ's split; None for
            the stable order.
        num_classes: classes that it must have; 0 for as many as it has.
        files: `{part: path}` of other image lists than those in `data_dir`.
        split: of embeddings, how their parts are drawn; as for `embeddings.load`.
    Raises:
        ValueError: files are missing or bad; says where they were looked for.
    """
    files = {part: path for part, path in dict(files).items() if path}
    dataset, _ = resolve(dataset, data_dir, given=given, files=files)
    data_dir = os.path.expanduser(data_dir)
    kind, folder = _source(dataset, data_dir, given, files)
    _check_kind(dataset, kind, split, image_size)
    size = (image_size, image_size) if image_size else None
    if kind == "lists":
        splits = _listed(dataset, data_dir, size, num_classes, files)
    elif dataset == "digits":
        splits = digits.load(size, seed)
    elif dataset.startswith("folder:"):
        splits = folders.load(dataset.removeprefix("folder:"), size, seed)
    elif kind == "embeddings":
        splits = embeddings.load(dataset.removeprefix("embeddings:"), split=split, seed=seed)
    elif dataset.startswith("tfds:"):
        splits = tfds.load(_tfds_name(dataset), data_dir, size, seed)
    elif kind == "pickles":
        splits = _pickled(dataset, folder, size, order)
    else:
        splits = _from_tfds(dataset, data_dir, size, order)
    _check_classes(splits, num_classes)
    return splits


def _check_classes(splits, count):
    if count not in (0, len(splits.classes)):
        raise ValueError(
            f"Expected {count} classes, as num_classes says. {splits.dataset} has "
            f"{len(splits.classes)}. Leave num_classes out, or correct it."
        )


def _check_kind(dataset, kind, split, image_size):
    name, value, other = ("split", split, "embeddings:PATH only")
    if kind == "embeddings":
        name, value, other = ("image_size", image_size, "images, not for embeddings")
    if value:
        raise ValueError(
            f"Expected `{name}` for {other}. Received: dataset={dataset!r}, {name}={value!r}."
        )


def _listed(dataset, data_dir, size, num_classes, files):
    if dataset.startswith("cifar10"):
        return lists.load(dataset, data_dir, size or (32, 32), cifar.CLASSES, files=files)
    return lists.load(dataset, data_dir, size, num_classes=num_classes, files=files)


def _pickled(dataset, folder, size, order):
    if dataset != "cifar10":
        return PICKLED[dataset].load(folder, size)
    return cifar.of_arrays("cifar10", *cifar.read_pickles(folder), size, order)


def _from_tfds(dataset, data_dir, size, order):
    if dataset == "cifar10":
        return tfds.load_cifar10(data_dir, size, order)
    return PICKLED[dataset].of_arrays(*tfds.train_and_test(_tfds_name(dataset), data_dir), size)
