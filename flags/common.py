"""The flags that all methods share, and how a command line becomes settings.

absl's flags are global and two methods may share a name, so every command fills a `FlagValues`
of its own: first the shared flags alone, to learn the method, then those of the method too.
"""

import dataclasses
import importlib
import logging
import os
import sys
import textwrap
import zipfile

from absl import flags as absl_flags

from flags import quiet  # noqa: F401  before TensorFlow is imported

# isort: split
import tensorflow as tf

from tfhash import data, methods
from tfhash.evaluation import scoring
from tfhash.retrieval import relevance

DEFINERS = {
    int: absl_flags.DEFINE_integer,
    float: absl_flags.DEFINE_float,
    str: absl_flags.DEFINE_string,
    bool: absl_flags.DEFINE_boolean,
}
LISTS = ("train_file", "query_file", "database_file", "val_file")
ERRORS = (
    ValueError, OSError, ArithmeticError, ImportError, MemoryError, RuntimeError,
    zipfile.BadZipFile, tf.errors.OpError, absl_flags.Error,
)  # fmt: skip
DATA = (
    "dataset", "data_dir", "image_size", "num_classes", "split_order", "allow_overlap",
    "allow_unlabelled", "skip_bad_images", "cache_memory", *LISTS,
)  # fmt: skip
START = ("precision", "seed", "jit_compile", "steps_per_epoch", "pretrained", "overwrite")


def define_shared(values):
    """Flags of both commands."""
    define(values, "method", None, f"The method: {', '.join(methods.names())}.", str)
    define(values, "model", None, "Model directory. Default: models/ and the code length.", str)
    define(values, "data_dir", "./cifar10", "Folder of the dataset's files.")
    define(
        values,
        "image_size",
        0,
        "Side in pixels that images are resized to; 0: the dataset's.",
        lower_bound=0,
    )
    define(values, "split_order", "", "File of the positions of CIFAR-10's images sorted by label "
           "(.npy), to repeat a recorded split; default: the stable order.")  # fmt: skip
    define(
        values,
        "num_classes",
        0,
        "Classes that the dataset must have, or its lists of class numbers have; 0: as found.",
        lower_bound=0,
    )
    for name, text in zip(LISTS, ("to train with", "of queries", "of the database",
                                  "to validate with")):  # fmt: skip
        define(values, name, "", f"List of the images {text}, instead of that in --data_dir.")
    define(values, "gpus", "all", "GPUs to use: all, numbers like 0,1, or empty for the CPU.")
    define(values, "virtual_devices", 0, "Mirror over so many virtual CPU devices.", lower_bound=0)
    define(values, "allow_overlap", False, "Accept images that are in two parts of the dataset.")
    define(values, "allow_unlabelled", False, "Accept images without a label.")
    define(
        values,
        "skip_bad_images",
        False,
        "Leave out image files that can't be read, and list "
        "them in bad_images.txt; else the first is an error.",
    )
    define(values, "cache_memory", 2048, "MiB in which images of files are kept once they are "
           "read.", lower_bound=0)  # fmt: skip
    define(values, "debug", False, "Show the traceback of an error.")
    define(values, "help", False, "Show the flags.")


def define_train(values):
    """Flags of run_train.py."""
    define_shared(values)
    define(
        values,
        "dataset",
        "auto",
        "Dataset: digits, cifar10, tfds:NAME, folder:PATH, a list dataset, or auto: CIFAR-10 "
        "where it lies ready, else digits.",
    )
    define(values, "pretrained", None, "Weight file of the original to start from.", str)
    define(
        values,
        "start_from",
        None,
        "Model directory of the stage before, where the method has stages; none: trains it first.",
        str,
    )
    define(
        values,
        "seed",
        0,
        "Of the initial weights, the batches, the augmentation, the split.",
        lower_bound=0,
    )
    define(
        values,
        "steps_per_epoch",
        0,
        "Steps of an epoch; 0: the method's own number.",
        lower_bound=0,
    )
    define(
        values, "validate_every", 0, "Epochs between validations; 0: as save_every.", lower_bound=0
    )
    absl_flags.DEFINE_enum(
        "precision",
        "float32",
        ["float32", "mixed_bfloat16", "mixed_float16"],
        "Arithmetic of the network.",
        flag_values=values,
    )
    define(values, "jit_compile", False, "Compile the step by XLA.")
    define(values, "resume", False, "Go on with the run in the model directory.")
    define(values, "overwrite", False, "Replace the model directory.")


def define_test(values):
    """Flags of run_test.py."""
    define_shared(values)
    define(values, "dataset", None, "Dataset; default: the one the model was trained on.", str)
    values["data_dir"].help += " Default: as in training."
    define(values, "seed", 0, "Of the query that the picture shows.", lower_bound=0)
    define(values, "encode_batch", 0, "Images encoded at once; 0: the method's own number.")
    for name, choices, text in (
        ("ties", scoring.TIES, "Order of items of equal distance; expected: the mean of all."),
        ("map_denominator", scoring.DENOMINATORS, "mAP divides by the relevant items among the "
         "first R, as the originals do, or by min(R, all relevant items)."),
    ):  # fmt: skip
        absl_flags.DEFINE_enum(name, choices[0], choices, text, flag_values=values)
    define(values, "relevance", None, "Matrix of which database images are relevant to which "
           "queries (.npy, .mat), instead of the labels.", str)  # fmt: skip
    define(
        values,
        "R",
        0,
        "Ranks that count for mAP; 0: the original's number for the dataset.",
        lower_bound=0,
    )
    define(
        values,
        "max_memory",
        1024,
        "MiB that ranking may take beyond codes and labels.",
        lower_bound=1,
    )
    define(values, "report", None, "Folder for what is written; default: MODEL/report.", str)
    define(values, "snapshot", None, "Saved state to test, as iter_09000; default: the last.", str)
    define(values, "save_codes", False, "Also write the codes of the database.")
    define(values, "save_original", None, "File to write the model to as its original does.", str)


def define(values, name, default, text, kind=None, **bounds):
    """Defines one flag of the type of its default, or of `kind`; `bounds` are absl's."""
    DEFINERS[kind or type(default)](name, default, text, flag_values=values, **bounds)


def define_config(values, config, texts, aliases):
    """Defines a flag for each field of a method's `Config`, its value the default.

    Args:
        values: the `FlagValues` to fill.
        config: a `Config` with its defaults.
        texts: `{field: help text}`.
        aliases: `{name in the original: field}`.

    A field of the name of a shared flag has that flag's value.
    """
    for field in dataclasses.fields(config):
        if field.name in values:
            continue
        define(values, field.name, getattr(config, field.name), texts[field.name])
    for alias, name in aliases.items():
        absl_flags.DEFINE_alias(alias, name, flag_values=values)


def config_of(values, cls):
    """A method's `Config` from the flags of its fields."""
    return cls(**{field.name: values[field.name].value for field in dataclasses.fields(cls)})


def settle(values, module):
    """The `Config` of the flags, once the dataset has said what it changes.

    Sets the flags `dataset`, and those of the settings that it changes, to what they stand for.

    Args:
        values: parsed `FlagValues`.
        module: the method's flags.
    Returns:
        The `Config` and lines that say what was chosen.
    """
    method = methods.load(values.method).Method
    named = values.dataset or "auto"
    values["dataset"].value, _ = data.resolve(
        method.dataset_names.get(named, named), values.data_dir
    )
    fields = [field.name for field in dataclasses.fields(module.Config)]
    lines = []
    for name, value in method.defaults(values.dataset, asked(values, fields)).items():
        if not given(values, name):
            values[name].value = value
            lines.append(f"  --{name}={value}, since the dataset is {values.dataset}")
    # Its files may be in the method's own folder for it.
    note = data.resolve("auto" if named == "auto" else values.dataset, values.data_dir)[1]
    return module.config(values), [*lines, note]


def scoring_of(values):
    """The `Scoring` that the flags of run_test.py give."""
    return scoring.Scoring(
        ties=values.ties,
        top=values.R or None,
        map_denominator=values.map_denominator,
        max_memory=values.max_memory * 2**20,
        relevant=relevance.read_matrix(values.relevance) if values.relevance else None,
    )


def step_of(snapshot):
    """The step of a saved state by its name, `iter_09000` or `9000`; None for None."""
    digits = str(snapshot or "0").removeprefix("iter_")
    if not digits.isdigit():
        raise ValueError(f"Expected --snapshot like iter_09000. Received: {snapshot!r}.")
    return int(digits) if snapshot else None


def given(values, name):
    """Whether a flag stands on the command line, under this name or an alias."""
    return values[name].present > 0


def values_of(values, names):
    """`{name: value}` of some flags."""
    return {name: values[name].value for name in names}


def asked(values, names):
    """`{name: value}` of those of some flags that stand on the command line."""
    return {name: values[name].value for name in names if given(values, name)}


def parse(argv, define_command):
    """The flags of a command line: `(values, flags module of the method or None)`.

    Args:
        argv: program name and arguments; `--output-dim` is read as `--output_dim`.
        define_command: `define_train` or `define_test`.
    Raises:
        ValueError: an unknown method. absl_flags.Error: an unknown flag or a wrong value.
    """
    argv = [_with_underscores(argument) for argument in argv]
    first = absl_flags.FlagValues()
    define_command(first)
    first(argv, known_only=True)
    values = absl_flags.FlagValues()
    define_command(values)
    module = None
    if first.method is not None:
        methods.load(first.method)
        module = importlib.import_module(f"flags.{first.method}")
        module.define(values)
    rest = values(argv)[1:]
    if rest:
        raise ValueError(f"Expected flags like --name=value. Received: {rest[0]!r}.")
    return values, module


def _with_underscores(argument):
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return "--" + name[2:].replace("-", "_") + equals + value


def help_text(values, module):
    """All flags with their defaults and the names that the original has for them."""
    aliases = getattr(module, "ALIASES", {})
    own = [field.name for field in dataclasses.fields(module.Config)] if module else []
    shared = [name for name in values if name not in own and name not in aliases]
    lines = []
    for title, names in (("Flags of the method:", own), ("Shared flags:", shared)):
        if names:
            lines += ["", title]
        for name in names:
            others = "".join(f", --{a}" for a, target in aliases.items() if target == name)
            default = values[name].default
            lines.append(f"  --{name}{others}" + ("" if default is None else f"  [{default}]"))
            lines += textwrap.wrap(values[name].help, 90, initial_indent=" " * 6,
                                   subsequent_indent=" " * 6)  # fmt: skip
    if not module:
        lines += ["", f"With --method={'|'.join(methods.names())} also the flags of the method."]
    return "\n".join(lines)


def _show_log():
    """Writes what tfhash reports to standard output, and of other packages only errors."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("tfhash")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    if "--debug" not in sys.argv:
        logging.getLogger("tensorflow").setLevel(logging.ERROR)


def main(run, define_command, usage):
    """Runs a command: parses its flags, and turns an error into one line and exit status 2."""
    _show_log()
    try:
        values, module = parse(sys.argv, define_command)
        if values.help:
            print(usage + help_text(values, module))
            return
        run(values, module)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except ERRORS as error:
        if "--debug" in sys.argv:
            raise
        sys.stdout.flush()
        text = " ".join(str(getattr(error, "message", error)).split()) or type(error).__name__
        print(f"error: {text}", file=sys.stderr)
        sys.exit(2)
