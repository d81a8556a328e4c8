"""What a comparison is: its methods, lengths and seeds, and the protocol of its test."""

import contextlib
import dataclasses
import os

from tfhash import config as fields
from tfhash import methods
from tfhash import settings as all_settings
from tfhash.config import setting
from tfhash.evaluation import scoring

OTHERS = ("save_dir", "start_from", "resume", "overwrite")  # of a single training


@dataclasses.dataclass(frozen=True)
class Compare(fields.Checked):
    """Settings of run_compare.py, beside those that every training has."""

    methods: str = setting("", "Names of methods, parted by commas.")
    bits: str = setting("64", "Lengths of codes in bits, parted by commas.")
    seeds: int = setting(1, "Trainings of each, with --seed and the numbers after it.", least=1)
    out: str = setting("comparison", "Folder of the table, the figure and the models.")
    set: str = setting(
        "", "Settings of single methods, as dch.iter_num=500,csq.epochs=5, parted by commas."
    )
    k: int = setting(100, "Items found for a query, of which precision and recall are.", least=1)
    R: int = setting(0, "Ranks that count for mAP; 0: the whole database.", least=0)
    ties: str = setting(
        "expected",
        "Order of items of equal distance for mAP and precision; expected: the mean of all.",
        choices=scoring.TIES,
    )

    def protocol(self):
        """`{name: value}` of how a model is tested."""
        return {name: getattr(self, name) for name in ("k", "R", "ties")}


@dataclasses.dataclass(frozen=True)
class Cell:
    """One training of a comparison.

    Attributes:
        method: its name.
        bits: as asked for; None of a method whose length can't be chosen.
        seed: of the training.
        given: `{setting: value}` that the user gave for it, beside those.
    """

    method: str
    bits: int | None
    seed: int
    given: dict

    @property
    def name(self):
        """A name of its own in the comparison."""
        length = "" if self.bits is None else f"_{self.bits}bits"
        return f"{self.method}{length}_seed{self.seed}"

    def settings(self, folder):
        """The `Settings` of its training, into a model directory below `folder`."""
        length = {} if self.bits is None else {"bits": self.bits}
        own = {"seed": self.seed, "model": os.path.join(folder, "models", self.name)}
        return all_settings.settle(self.method, self.given | length | own)


def cells(compare, given):
    """The `Cell`s of a comparison, seed by seed, so that a table is soon there.

    Args:
        compare: a `Compare`.
        given: `{setting: value}` that the user gave for every training.
    Raises:
        ValueError: an unknown method or setting, or a length that a method can't have.
    """
    for name in OTHERS:
        if name in given:
            raise ValueError(f"--{name} is no flag of a comparison: --out is its folder.")
    names = _words(compare.methods)
    _check_once("methods", names)
    if not names:
        raise ValueError(f"Expected --methods, some of {methods.names()}. Received none.")
    single = _single(compare.set, names)
    lengths = _lengths(compare.bits)
    first = given.get("seed", 0)
    found = []
    for seed in range(first, first + compare.seeds):
        for name in names:
            kind = methods.load(name).Config
            own = {n: v for n, v in given.items() if n != "seed"} | single[name]
            for bits in lengths if kind.sized else [None]:
                found.append(Cell(name, bits, seed, own))
    for cell in found:
        with naming(cell):
            cell.settings(compare.out)
    return found


@contextlib.contextmanager
def naming(cell):
    """Around what may refuse a cell: a ValueError says which it is."""
    try:
        yield
    except ValueError as error:
        length = "" if cell.bits is None else f" at {cell.bits} bits"
        raise ValueError(f"{cell.method}{length}: {error}") from error


def _words(text):
    return [word.strip() for word in text.split(",") if word.strip()]


def _lengths(text):
    words = _words(text)
    if not words or not all(word.isdigit() and int(word) for word in words):
        raise ValueError(f"Expected --bits like 16,32,64. Received: {text!r}.")
    _check_once("bits", words)
    return [int(word) for word in words]


def _check_once(name, words):
    if len(set(words)) < len(words):
        raise ValueError(f"Expected each of --{name} once. Received: {', '.join(words)}.")


def _single(text, names):
    """`{method: {setting: value}}` of a text such as dch.iter_num=500,csq.epochs=5."""
    found = {name: {} for name in names}
    for word in _words(text):
        target, equals, value = word.partition("=")
        method, dot, name = target.partition(".")
        if not equals or not dot or method not in found:
            raise ValueError(
                f"Expected --set like METHOD.SETTING=VALUE, of one of {', '.join(names)}. "
                f"Received: {word!r}."
            )
        kind = methods.load(method).Config
        all_settings.check_names({name: value}, fields.names(kind))
        found[method][name] = _typed(kind, name, value)
    return found


def _typed(kind, name, text):
    """The value of a setting in a text, of the setting's type."""
    wanted = type(getattr(kind, name))
    try:
        if wanted is bool:
            return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        return wanted(text)
    except (KeyError, ValueError):
        raise ValueError(
            f"Expected `{name}` of type {wanted.__name__}. Received: {text!r}."
        ) from None
