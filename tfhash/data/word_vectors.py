"""Word vectors of classes: tables, and files of word2vec or GloVe.

A table is a text file of one row per class, as thulab/DeepHash's cifar10_wordvec.txt.
"""

import os
import re

import numpy as np

from tfhash import checks, files

ORTHOGONAL = "orthogonal"
WORD = re.compile(rb"\S+")


def orthogonal(classes, dim):
    """One vector per class, all orthogonal and of length 1: `[classes, dim]` float32.

    Rows 1 to `classes` of the discrete cosine transform, without the constant row 0. They say
    nothing about the classes but that they differ: for datasets whose class names are no words.
    """
    if not 0 < classes < dim:
        raise ValueError(
            f"Expected more dimensions than classes for orthogonal word vectors. Received: "
            f"output_dim={dim}, {classes} classes. Use --output_dim={classes + 1} or more."
        )
    waves = np.arange(1, classes + 1)[:, None] * (np.arange(dim) + 0.5)
    return (np.cos(np.pi / dim * waves) * np.sqrt(2 / dim)).astype(np.float32)


def read_table(path, *, classes, dim):
    """A text file of `classes` rows of `dim` numbers, as float32; ValueError for another size."""
    with files.opened(path, "a table of word vectors") as file:
        lines = [line for line in file if line.strip()]
    widths = sorted({sum(1 for _ in WORD.finditer(line)) for line in lines})
    if len(lines) != classes or widths != [dim]:
        raise ValueError(
            f"Expected {classes} word vectors of {dim} numbers in `{path}`, one row per class and "
            f"as wide as the output. Received: {len(lines)} rows of "
            f"{' or '.join(map(str, widths[:9])) or 'no'} numbers. Give another --wordvec_dict or "
            "--output_dim."
        )
    try:
        rows = [np.array(line.split(), np.float32) for line in lines]
    except ValueError as error:
        raise ValueError(
            f"`{path}` is not a table of word vectors: {checks.brief(error)}."
        ) from error
    return _checked(np.stack(rows), path)


def of_names(path, names, *, dim):
    """The vectors of names out of a file of word2vec or GloVe: `[names, dim]` float32.

    A name of several words, as "polar_bear", gets the mean of their vectors. A word that is not
    in the file is looked for in lower case.

    Args:
        path: a text file of a word and its numbers in each line, or a binary file (.bin) of
            word2vec.
        names: of the classes; words are parted by spaces, _ or -.
        dim: width of the vectors.
    Raises:
        ValueError: a word is not in the file, or the file is of another width or damaged.
    """
    words = [[word for word in re.split(r"[\s_-]+", name) if word] for name in names]
    empty = [name for name, parts in zip(names, words) if not parts]
    if empty:
        raise ValueError(f"Expected names of words. Received: {empty[0]!r}.")
    wanted = {form for parts in words for word in parts for form in (word, word.lower())}
    read = _read_binary if os.fspath(path).endswith(".bin") else _read_text
    with files.opened(path, "word vectors") as file:
        known = read(file, wanted, dim, path)
    missing = [w for parts in words for w in parts if w not in known and w.lower() not in known]
    if missing:
        raise ValueError(
            f"`{path}` has no vector of {checks.brief(', '.join(missing[:5]))}"
            + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
            + ". Give other words in --class_names, in the order of the dataset's classes."
        )
    vectors = [
        np.mean([known[word] if word in known else known[word.lower()] for word in parts], axis=0)
        for parts in words
    ]
    return _checked(np.array(vectors, np.float32), path)


def names_of(text):
    """Names of classes: those in the file `text`, one in a line, or parted by commas in it."""
    if os.path.isfile(text):
        with open(text, errors="replace") as file:
            return [line.strip() for line in file if line.strip()]
    return [name.strip() for name in text.split(",")]


def _read_text(file, wanted, dim, path):
    """`{word: vector}` of those wanted, from lines of a word and `dim` numbers."""
    vectors = {}
    for number, line in enumerate(file, 1):
        # A word of GloVe may hold spaces: the numbers are the last ones.
        word, *values = line.decode(errors="replace").rstrip().rsplit(" ", dim)
        if len(values) != dim or not word:
            header = line.split()
            if number == 1 and len(header) == 2 and all(one.isdigit() for one in header):
                _check_width(header[1], dim, path)  # word2vec's: words and width
                continue
            raise ValueError(
                f"Expected a word and {dim} numbers in line {number} of `{path}`. "
                f"Received {len(header)} words. output_dim={dim} must be the file's width."
            )
        if word in wanted and word not in vectors:
            try:
                vectors[word] = np.array(values, np.float32)
            except ValueError as error:
                fault = f"{checks.brief(error)}. Expected {dim} numbers after the word."
                raise ValueError(f"`{path}`, line {number}: {fault}") from error
        if len(vectors) == len(wanted):
            break
    return vectors


def _read_binary(file, wanted, dim, path):
    """The same from word2vec's binary format: a word, a space, `dim` float32, maybe a newline."""
    header = file.readline(100).split()
    if len(header) != 2 or not all(one.isdigit() for one in header):
        raise ValueError(
            f"`{path}` is not a binary file of word2vec: it does not begin with two numbers."
        )
    _check_width(header[1], dim, path)
    count, vectors = int(header[0]), {}
    for number in range(count):
        word = bytearray()
        while (letter := file.read(1)) not in (b" ", b"") and len(word) < 10000:
            word += letter
        data = file.read(4 * dim)
        if len(data) < 4 * dim:
            raise ValueError(f"`{path}` ends after {number} of {count} word vectors.")
        name = word.decode(errors="replace").lstrip("\n")
        if name in wanted and name not in vectors:
            vectors[name] = np.frombuffer(data, "<f4")
        if len(vectors) == len(wanted):
            break
    return vectors


def _check_width(width, dim, path):
    """Raises ValueError where `width`, the digits in a file, is another number than `dim`."""
    if width.lstrip(b"0") != str(dim).encode():
        width = checks.brief(width.decode(), 20)
        raise ValueError(
            f"`{path}` has word vectors of {width} numbers. Expected output_dim={dim}. "
            f"Give --output_dim={width}."
        )


def _checked(vectors, path):
    """`vectors`; ValueError where one is zero or not finite, so that it has no direction."""
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1) | ~vectors.any(axis=1))
    if len(bad):
        raise ValueError(
            f"`{path}`: expected finite word vectors that are not zero. Received others for "
            f"{len(bad)} classes, the first of them number {bad[0]}."
        )
    return vectors
