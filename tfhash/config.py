"""Settings as fields of frozen dataclasses: default, help text and bounds are written once."""

import dataclasses
import reprlib
import sys
import typing

WIDEST = 2**14  # outputs of a network: a stranger's settings ask for no more memory than that
LARGEST = {int: 2**63 - 1, float: sys.float_info.max}  # what other programs can take


def setting(
    default,
    text="",
    *,
    least=None,
    over=None,
    most=None,
    choices=None,
    resume=False,
    test=False,
    folder=False,
):
    """A field of a settings dataclass.

    Args:
        default: its value where none is given; its type is the setting's.
        text: help text, with the unit; "" for that of the class above.
        least, most: bounds, included; over: a bound that is not.
        choices: the values there are.
        resume: whether a training that goes on may have another value.
        test: whether a test may have another value than the training.
        folder: whether it is a path, which is kept absolute.
    """
    notes = {
        "text": text,
        "least": least,
        "over": over,
        "most": most,
        "choices": choices,
        "resume": resume,
        "test": test,
        "folder": folder,
    }
    return dataclasses.field(
        default=default,
        metadata={k: v for k, v in notes.items() if v is not None and v is not False and v != ""},
    )


def notes(cls, name):
    """`{note: value}` of a field as `setting` takes them; a class inherits those of a field."""
    merged = {}
    for ancestor in reversed(cls.__mro__):
        field = getattr(ancestor, "__dataclass_fields__", {}).get(name)
        merged |= field.metadata if field else {}
    return merged


def text(cls, name):
    """The help text of a setting."""
    return notes(cls, name).get("text", "")


def names(cls, note=None):
    """The names of the settings of a dataclass, all or those with a note such as "resume"."""
    fields = [field.name for field in dataclasses.fields(cls)]
    return [name for name in fields if note is None or notes(cls, name).get(note)]


class Checked:
    """A dataclass of settings whose types and bounds are checked whoever makes it."""

    def __post_init__(self):
        for field in dataclasses.fields(self):
            _check(field, getattr(self, field.name), notes(type(self), field.name))

    @classmethod
    def of(cls, values):
        """An object of those of `{name: value}` that are fields of this class."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


@dataclasses.dataclass(frozen=True)
class Habits:
    """What a method does otherwise than others while it trains.

    Attributes:
        states_kept: saved states of a training; None for all.
        repeats: whether the command that started a training also goes on with it.
        histograms_every: steps between two histograms of weights and gradients; 0: none.
    """

    states_kept: int | None = 3
    repeats: bool = False
    histograms_every: int = 0


@dataclasses.dataclass(frozen=True)
class Config(Checked):
    """Settings that every method has; a method adds its own, and changes defaults."""

    img_model: str = setting("fixed_vgg", "The backbone.")
    batch_size: int = setting(100, "Images of a step.", least=1)
    save_every: int = setting(10, "Epochs between two saved states.", least=1, resume=True)

    # {dataset: {setting: value}} in place of the defaults; "folder" is of every folder:PATH.
    datasets: typing.ClassVar[dict] = {}

    @property
    def bits(self):
        """Length of a code in bits."""
        raise NotImplementedError

    @classmethod
    def of_bits(cls, bits, values):
        """`{setting: value}` that give codes of so many bits.

        Args:
            bits: 1 or more.
            values: `{setting: value}` of other settings that are not at their defaults.
        Raises:
            ValueError: there is no such code; says which there is.
        """
        if "bits" not in names(cls):
            raise ValueError("This method has no --bits. --help shows what gives the code length.")
        return {"bits": bits}

    def shared_by(self, replicas):
        """Whether so many replicas can share a batch."""
        return self.batch_size % replicas == 0

    def largest_batch(self, labelled, unlabelled):
        """The largest `batch_size` with so many training images with and without a label."""
        return labelled

    @classmethod
    def defaults(cls, dataset, asked):
        """`{setting: value}` that differ from the defaults of the fields.

        Args:
            dataset: its name.
            asked: `{setting: value}` asked for, which go before these.
        """
        kind, _, _ = dataset.partition(":")
        return cls.datasets.get(kind, {})

    def model_name(self, method):
        """The name of a model directory where none is given."""
        return f"{method}_{self.bits}bits"

    def total_steps(self, steps_per_epoch):
        """Steps of the whole training, whose last epoch may be a part of one."""
        return self.epochs * steps_per_epoch

    @property
    def habits(self):
        """What the method does otherwise than others while it trains, as `Habits`."""
        return Habits()

    def stage_before(self, dataset):
        """The `Config` of the model that a training starts from, None where it needs none."""
        return None

    def check_start(self, pretrained):
        """Raises ValueError where a training can't start from the file `pretrained`, or None."""


def parts(bits, each, what):
    """How many parts of `each` bits a code of `bits` has; ValueError where they do not fit."""
    count, over = divmod(bits, each)
    if over or bits < 1:
        near = [length for length in (count * each, (count + 1) * each) if length > 0]
        raise ValueError(
            f"Expected --bits as a multiple of {each}, {what}. Received: {bits}. "
            f"Use --bits={' or --bits='.join(map(str, near))}."
        )
    return count


def _check(field, value, notes):
    name, wanted, shown = field.name, field.type, reprlib.repr(value)
    kinds = {float: (int, float), int: int, bool: bool, str: str}.get(wanted)
    if kinds and (not isinstance(value, kinds) or (isinstance(value, bool) and wanted is not bool)):
        raise ValueError(f"Expected `{name}` of type {wanted.__name__}. Received: {shown}.")
    # Written so that NaN fails too.
    if wanted in LARGEST and not abs(value) <= LARGEST[wanted]:
        raise ValueError(f"Expected a finite `{name}`. Received: {shown}.")
    if "choices" in notes and value not in notes["choices"]:
        raise ValueError(f"Expected `{name}` to be one of {notes['choices']}. Received: {shown}.")
    for note, sign, holds in (
        ("least", ">=", lambda bound: value >= bound),
        ("over", ">", lambda bound: value > bound),
        ("most", "<=", lambda bound: value <= bound),
    ):
        if note in notes and not holds(notes[note]):
            raise ValueError(f"Expected `{name}` {sign} {notes[note]}. Received: {shown}.")
