"""Datasets by name."""

from tfhash.data import cifar, cifar100, digits, folders, imagenet32, lists, tfds

LISTED = ("nuswide_81", "nuswide_21", "coco", "imagenet", "cub")
PICKLED = {"cifar100": cifar100, "imagenet32": imagenet32}
ALIASES = {"nus_wide": "nuswide_81"}  # HashNet's name
NAMES = ("auto", "digits", "cifar10", *PICKLED, *LISTED, "tfds:NAME", "folder:PATH")


def resolve(dataset, data_dir):
    """The dataset that a name stands for, and a line that says which and why.

    "auto" is CIFAR-10 where its pickles lie in `data_dir` or a prepared TFDS copy is there, else
    digits; it never downloads. Any other name stands for itself.

    Raises:
        ValueError: an unknown name.
    """
    dataset = ALIASES.get(dataset, dataset)
    kind, colon, rest = dataset.partition(":")
    if dataset not in NAMES[:-2] and not (kind in ("tfds", "folder") and colon and rest):
        raise ValueError(
            f"Expected `dataset` to be one of {', '.join(NAMES)}. Received: {dataset!r}."
        )
    if dataset == "auto":
        if not cifar.folder_of_pickles(data_dir) and not tfds.prepared("cifar10", data_dir):
            return "digits", (
                f"dataset: digits, which come with scikit-learn (no CIFAR-10 in {data_dir}; "
                "--dataset=cifar10 downloads it, 170 MB)"
            )
        dataset = "cifar10"
    return dataset, f"dataset: {dataset}{_origin(dataset, data_dir)}"


def _origin(dataset, data_dir):
    if dataset in LISTED:
        return f", the lists in {data_dir}"
    if dataset in PICKLED:
        folder = PICKLED[dataset].folder_of_pickles(data_dir)
        return f", the pickles in {folder}" if folder else ", by TensorFlow Datasets"
    if dataset != "cifar10":
        return ""
    folder = cifar.folder_of_pickles(data_dir)
    if folder:
        return f", the pickles in {folder}"
    if lists.present(data_dir):
        return f", the lists in {data_dir}"
    folder = tfds.prepared("cifar10", data_dir)
    return f", the copy in {folder}" if folder else ", to be downloaded (170 MB)"


def load(dataset, *, data_dir, image_size=None, seed=0, order=None, num_classes=0, files=()):
    """The `Splits` of a dataset.

    Args:
        dataset: one of `NAMES`.
        data_dir: the folder of its files, where it has any.
        image_size: side in pixels that images are resized to; None for the dataset's own.
        seed: of a split that is drawn.
        order: `[n]` positions of CIFAR-10's images sorted by label, for GPQ's split; None for
            the stable order.
        num_classes: classes that it must have; 0 for as many as it has.
        files: `{part: path}` of other image lists than those in `data_dir`.
    Raises:
        ValueError: files are missing or bad; says where they were looked for.
    """
    dataset, _ = resolve(dataset, data_dir)
    files = {part: path for part, path in dict(files).items() if path}
    if files and dataset not in (*LISTED, "cifar10"):
        raise ValueError(
            f"Expected {', '.join(f'{part}_file' for part in files)} for cifar10 or one of "
            f"{', '.join(LISTED)} only. Received: dataset={dataset!r}."
        )
    found = _load(dataset, data_dir, image_size, seed, order, num_classes, files)
    if num_classes not in (0, len(found.classes)):
        raise ValueError(
            f"Expected {num_classes} classes, as num_classes says. {dataset} has "
            f"{len(found.classes)}. Leave num_classes out, or correct it."
        )
    return found


def _load(dataset, data_dir, image_size, seed, order, num_classes, files):
    size = (image_size, image_size) if image_size else None
    if dataset == "digits":
        return digits.load(size, seed)
    if dataset == "cifar10":
        return _cifar10(data_dir, size, order, files)
    if dataset in PICKLED:
        folder = PICKLED[dataset].folder_of_pickles(data_dir)
        if folder:
            return PICKLED[dataset].load(folder, size)
        return PICKLED[dataset].of_arrays(
            *tfds.train_and_test(PICKLED[dataset].TFDS_NAME, data_dir), size
        )
    if dataset in LISTED:
        return lists.load(dataset, data_dir, size, num_classes=num_classes, files=files)
    kind, _, name = dataset.partition(":")
    return (
        folders.load(name, size, seed)
        if kind == "folder"
        else tfds.load(name, data_dir, size, seed)
    )


def _cifar10(data_dir, size, order, files):
    """The lists that are given, else the pickles, else DeepHash's lists, else TFDS."""
    if not files and cifar.folder_of_pickles(data_dir):
        pixels, labels = cifar.read_pickles(data_dir)
        return cifar.of_arrays("cifar10", pixels, labels, size, order)
    if files or lists.present(data_dir):
        return lists.load("cifar10", data_dir, size or (32, 32), cifar.CLASSES, files=files)
    return tfds.load_cifar10(data_dir, size, order)
