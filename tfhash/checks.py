"""Checks of arguments, with errors that name the argument, what was expected and what came."""

import contextlib
import dataclasses

BRIEF = 200  # characters of another program's message that an error quotes


def at_least(config, bound, *names):
    """Raises ValueError where one of the named fields of `config` is under `bound`."""
    for name in names:
        value = getattr(config, name)
        if not value >= bound:
            raise ValueError(f"Expected `{name}` >= {bound}. Received: {value}.")


def positive(config, *names):
    """Raises ValueError where one of the named fields of `config` is not over 0."""
    for name in names:
        value = getattr(config, name)
        if not value > 0:
            raise ValueError(f"Expected `{name}` > 0. Received: {value}.")


def device_numbers(text):
    """The numbers in "0,1", sorted; None for "all". ValueError for another text."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if text == "all":
        return None
    if not all(part.isdigit() for part in parts):
        raise ValueError(f"Expected `gpus` to be all, or numbers like 0,1. Received: {text!r}.")
    return sorted({int(part) for part in parts})


def from_dict(cls, values):
    """The dataclass `cls` from a dictionary; ValueError for fields that miss or are too many."""
    known = {field.name for field in dataclasses.fields(cls)}
    if set(values) != known:
        missing, unknown = sorted(known - set(values)), sorted(set(values) - known)
        raise ValueError(
            f"Expected the settings {sorted(known)}. Missing: {missing}, unknown: {unknown[:9]}."
        )
    return cls(**values)


@contextlib.contextmanager
def naming(path):
    """Around what is made of a file: a ValueError names it."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"`{path}`: {error}") from error


def assign(variables, arrays, source):
    """Assigns `arrays` to `variables`, both by name, after all shapes have been checked.

    Args:
        variables: `{name: keras.Variable}`.
        arrays: `{name: array}`; each name is one of `variables`.
        source: the file, for the error.
    Raises:
        ValueError: a shape differs; nothing has been assigned then.
    """
    for name, array in arrays.items():
        expected = tuple(variables[name].shape)
        if tuple(array.shape) != expected:
            raise ValueError(
                f"`{source}`: variable {name!r} has shape {tuple(array.shape)}, "
                f"the model needs {expected}."
            )
    for name, array in arrays.items():
        variables[name].assign(array)


def brief(message, most=BRIEF):
    """A message as one line of up to `most` printable characters, for an error that quotes it.

    Args:
        message: text or an error, maybe made of what stands in a file; an error without text
            gives its type.
    """
    text = str(message) or type(message).__name__
    line = " ".join(text[: 4 * most].split())
    line = "".join(letter if letter.isprintable() else "?" for letter in line)
    return line if len(line) <= most else f"{line[: most - 3]}..."


def complete(wanted, stored, source, expected):
    """Raises ValueError where a file lacks some of the `wanted` names.

    Args:
        wanted, stored: names, of the model and in the file.
        source: the file.
        expected: what it should hold, for the error.
    """
    missing = sorted(set(wanted) - set(stored))
    if missing:
        raise ValueError(f"`{source}` lacks {', '.join(missing)}. Expected {expected}.")
