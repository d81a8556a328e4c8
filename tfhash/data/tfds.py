"""Datasets of TensorFlow Datasets: a prepared copy without a network, or a download."""

import dataclasses
import fnmatch
import os
import threading
import urllib.error
import urllib.request

import numpy as np

from tfhash.data import cifar, images, splits

PROBE_SECONDS = 15  # TFDS by itself retries a dead network for 3.5 minutes
QUERY_SHARE, MOST_QUERIES = 0.1, 1000  # of a set that has no part to query with
ID = "id"  # the feature that CIFAR's examples are numbered by in the published order


def folders(data_dir):
    """Where copies are looked for: `data_dir`, and $TFDS_DATA_DIR or ~/tensorflow_datasets."""
    home = os.path.join(os.path.expanduser("~"), "tensorflow_datasets")
    return [os.fspath(data_dir), os.environ.get("TFDS_DATA_DIR") or home]


def prepared(name, data_dir, *, inside=False):
    """The folder of the newest prepared copy of a dataset, or None; asks no network.

    Args:
        name: as TFDS spells it: SET, SET/CONFIG, and either with :VERSION.
        data_dir: looked into first, see `folders`.
        inside: looks into `data_dir` alone.
    """
    name, _, wanted = name.partition(":")
    for folder in folders(data_dir)[: 1 if inside else None]:
        root = os.path.join(folder, *name.split("/"))
        versions = [
            (tuple(int(number) for number in entry.split(".")), entry)
            for entry in (os.listdir(root) if os.path.isdir(root) else ())
            if entry.count(".") == 2
            and entry.replace(".", "").isdigit()
            and fnmatch.fnmatch(entry, wanted or "*")
            and os.path.isfile(os.path.join(root, entry, "dataset_info.json"))
        ]
        if versions:
            return os.path.join(root, max(versions)[1])
    return None


def load_cifar10(data_dir, image_size=None, order=None):
    """CIFAR-10 from TFDS in GPQ's split, which depends on the order of the images.

    TFDS shuffles them; the order of the published files comes back by the examples' ids. A copy
    of before they had any (version 3.0.0) is taken in TFDS' order, so that other images are
    queries and labelled than of the pickles; a note says so.
    """
    builder = _prepare("cifar10", data_dir)
    parts = [_arrays(builder, part, None, by_id=True) for part in ("train", "test")]
    pixels, labels = (np.concatenate(arrays) for arrays in zip(*parts))
    splits = cifar.of_arrays("cifar10", pixels, labels, image_size, order)
    if ID in builder.info.features:
        return splits
    note = "in TFDS' order, as this copy has no ids: the split is not that of the pickles"
    return dataclasses.replace(splits, notes=(note,))


def train_and_test(name, data_dir):
    """The training images of a set, then those of its part test, or validation where it has none.

    In the order of their ids where they have any, as CIFAR-100's, else in TFDS' order.

    Returns:
        (`[n, height, width, 3]` uint8, `[n]` int64 class numbers, number of training images,
        names of the classes).
    Raises:
        ValueError: as `load`.
    """
    builder = _prepare(name, data_dir)
    test = "test" if "test" in builder.info.splits else "validation"
    parts = [_arrays(builder, part, None, by_id=True) for part in ("train", test)]
    pixels, labels = (np.concatenate(arrays) for arrays in zip(*parts))
    return pixels, labels, len(parts[0][1]), tuple(_features(builder)[3])


def load(name, data_dir, image_size=None, seed=0):
    """Any classification set: train is the database, test the queries.

    Without a part test, validation serves; without both, a tenth of train, at most 1000.
    `splits.drawn` says how many of train are labelled.

    Args:
        name: as TFDS spells it, such as "mnist" or "imagenet_resized/32x32".
        data_dir: where a prepared copy may lie besides TFDS' own folder.
        image_size: (height, width) that images are resized to; None where all are of one size.
        seed: of the draw of the labelled images.
    Raises:
        ValueError: no such set, a set without images and labels, or neither a copy nor a network.
    """
    builder = _prepare(name, data_dir)
    have = builder.info.splits
    query = next((part for part in ("test", "validation") if part in have), None)
    if "train" not in have:
        raise ValueError(f"Expected a part train in the TFDS set {name!r}. It has {sorted(have)}.")
    parts = [_arrays(builder, part, image_size) for part in ("train", query) if part]
    pixels, labels = (np.concatenate(arrays) for arrays in zip(*parts))
    count = len(parts[0][1])
    return splits.drawn(
        f"tfds:{name}",
        _features(builder)[3],
        images.ArrayImages(pixels),
        labels,
        queries=np.arange(count, len(labels))
        if query
        else min(MOST_QUERIES, max(1, round(QUERY_SHARE * count))),
        seed=seed,
    )


def _prepare(name, data_dir):
    """The builder of a prepared set; downloads it where no copy lies ready."""
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ImportError(
            f"The dataset {name!r} is read by TensorFlow Datasets, which is not installed "
            f"({error}). Use: pip install tensorflow-datasets importlib_resources"
        ) from error
    ready = prepared(name, data_dir)
    if ready:
        return tfds.builder_from_directory(ready)
    try:
        builder = tfds.builder(name, data_dir=folders(data_dir)[1], try_gcs=False)
    except Exception as error:  # it raises its own kinds for a name, a config and a version
        raise ValueError(
            f"Expected a dataset that TFDS has, or a prepared copy of it in "
            f"{' or '.join(folders(data_dir))}. Received: {name!r}. "
            f"{str(error).strip().splitlines()[0]}"
        ) from error
    _features(builder)
    if not builder.data_path.exists():
        _download(tfds, builder, name, data_dir)
    return builder


def _download(tfds, builder, name, data_dir):
    problem = _unreachable(next(iter(builder.url_infos or ()), None))
    cause = None
    if problem is None:
        try:
            config = tfds.download.DownloadConfig(try_download_gcs=False)
            builder.download_and_prepare(download_config=config)
            return
        except Exception as error:  # of the network, of the disk, of a server's changed file
            problem, cause = f"{type(error).__name__}: {error}", error
    ways = [f"copy a prepared copy to {builder.data_path}", "try again with a network"]
    if name == "cifar10":
        ways.insert(0, f"unpack cifar-10-python.tar.gz into {data_dir} (--data_dir)")
        ways.append("use --dataset=digits, which needs no files")
    raise ValueError(
        f"Expected a prepared copy of {name!r} in {' or '.join(folders(data_dir))}. There is none, "
        f"and it can't be downloaded: {problem}. Ways out: {'; '.join(ways)}."
    ) from cause


def _unreachable(url):
    """Why the server of `url` does not answer within `PROBE_SECONDS`, or None if it does."""
    if url is None or not url.startswith("http"):
        return None
    answer = [f"{url} did not answer within {PROBE_SECONDS} seconds"]

    def ask():
        try:
            request = urllib.request.Request(url, method="HEAD")
            # Longer than the wait below, which is to end first and give its own answer.
            urllib.request.urlopen(request, timeout=2 * PROBE_SECONDS).close()
            answer[0] = None
        except urllib.error.HTTPError as error:
            # Below 500 the server is there, and may only refuse this kind of request.
            answer[0] = f"{url} answers {error.code} {error.reason}" if error.code >= 500 else None
        except Exception as error:
            answer[0] = f"{url}: {getattr(error, 'reason', error)}"

    thread = threading.Thread(target=ask, daemon=True)  # looking up a name has no time limit
    thread.start()
    thread.join(PROBE_SECONDS)
    return answer[0]


def _features(builder):
    """The names of the image and of the label, the image's shape and the classes' names."""
    features = builder.info.features
    image, label = builder.info.supervised_keys or ("image", "label")
    try:
        shape, classes = features[image].shape, features[label].names
    except (AttributeError, KeyError, TypeError):
        shape, classes = None, None
    if classes is None or shape is None or len(shape) != 3:
        raise ValueError(
            f"Expected a TFDS set of images with a class each. {builder.info.full_name} has the "
            f"features {sorted(features)}."
        )
    return image, label, shape, classes


def _arrays(builder, part, image_size, *, by_id=False):
    """`[n, height, width, 3]` uint8 images and `[n]` labels of one part.

    In TFDS' order or, where they have ids and `by_id` is set, in the order of these.
    """
    import tensorflow as tf

    image, label, shape, _ = _features(builder)
    if image_size is None and None in shape[:2]:
        raise ValueError(
            f"Expected images of one size in {builder.info.full_name}. They differ; give the size "
            "in pixels that they are to be resized to as --image_size."
        )
    size = tuple(image_size or shape[:2])
    count = builder.info.splits[part].num_examples
    pixels = np.empty((count, *size, 3), np.uint8)
    labels, ids = np.empty(count, np.int64), []
    options = tf.data.Options()
    options.deterministic = True
    dataset = builder.as_dataset(split=part, shuffle_files=False).with_options(options)
    try:
        for row, example in enumerate(dataset.as_numpy_iterator()):
            pixels[row] = images.resize(_rgb(example[image]), size)
            labels[row] = example[label]
            ids += [example[ID]] if by_id and ID in example else []
    except (tf.errors.OpError, IndexError) as error:
        raise ValueError(f"The copy in {builder.data_path} is damaged: {error}.") from error
    if not ids:
        return pixels, labels
    order = np.argsort(ids, kind="stable")  # train_00000, train_00001, ...
    return pixels[order], labels[order]


def _rgb(image):
    """An image of one, three or four channels (the last is not used) as RGB."""
    return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image[:, :, :3]
