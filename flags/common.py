"""The flags of the commands, made of the settings, and how a command line becomes them.

absl's flags are global and two methods may share a name, so every command fills a `FlagValues`
of its own: first the shared flags alone, to learn the method, then those of the method too.
Nothing changes a flag once it is parsed.
"""

import logging
import os
import signal
import sys
import textwrap
import zipfile

from absl import flags as absl_flags

from flags import quiet  # noqa: F401  sees the environment before tfhash changes it

# isort: split
from flags import aliases_of, hints, ignored_of, module_of, order_of
from tfhash import config as fields
from tfhash import methods, settings
from tfhash.comparison.settings import Compare
from tfhash.embedding.settings import Embed
from tfhash.search.settings import PORT, Search

LOG = logging.getLogger("tfhash")
DEFINERS = {
    int: absl_flags.DEFINE_integer,
    float: absl_flags.DEFINE_float,
    str: absl_flags.DEFINE_string,
    bool: absl_flags.DEFINE_boolean,
    tuple: absl_flags.DEFINE_multi_string,
}
TRAIN = (settings.Data, settings.Run, settings.Devices)
TEST = (settings.Test, settings.Data, settings.Devices)
COMPARE = (Compare, fields.Config, settings.Data, settings.Run, settings.Devices)
EMBED = (Embed, settings.Images, settings.Devices)
SEARCH = (Search, settings.Data, settings.Devices)
SCRIPTS = {
    TRAIN: "run_train.py",
    TEST: "run_test.py",
    EMBED: "run_embed.py",
    SEARCH: "run_search.py",
}
ALONE = {"--serve": f"--serve={PORT}"}  # what a flag without a value stands for
ERRORS = (
    ValueError,
    OSError,
    ArithmeticError,
    ImportError,
    MemoryError,
    RuntimeError,
    zipfile.BadZipFile,
    absl_flags.Error,
)


class CommandLine:
    """A parsed command line.

    Attributes:
        method: name of the method, or None.
        given: `{setting: value}` of what stands on it, under our names.
        notes: lines for the user on flags without an effect.
        help, debug: whether these were asked for.
    """

    def __init__(self, values, method, given, notes=()):
        self.values, self.method, self.given, self.notes = values, method, given, notes
        self.help, self.debug = values.help, values.debug


def define(values, name, default, text, kind=None):
    """Defines one flag of the type of its default, or of `kind`."""
    DEFINERS[kind or type(default)](name, default, text, flag_values=values)


def define_fields(values, cls):
    """Defines a flag for each setting of a dataclass; a name that is there already stays."""
    for name in fields.names(cls):
        if name in values:
            continue
        default, choices = getattr(cls, name), fields.notes(cls, name).get("choices")
        if choices:
            absl_flags.DEFINE_enum(
                name, default, list(choices), fields.text(cls, name), flag_values=values
            )
        else:
            shown = None if default == () else default
            define(values, name, shown, fields.text(cls, name), type(default))


def define_shared(values, classes):
    """The flags of a command beside those of a method."""
    if Compare not in classes:
        define(values, "method", None, f"The method: {', '.join(methods.names())}.", str)
        model = fields.text(classes[0], "model")
        default = "" if classes is SEARCH else " Default: models/ and the code length."
        model = model or f"Model directory.{default}"
        define(values, "model", None, model, str)
    for cls in classes:
        define_fields(values, cls)
    if "bits" not in values and classes is not EMBED:
        define(values, "bits", None, "Length of a code in bits: sets what gives it.", int)
    define(values, "debug", False, "Show the traceback of an error.")
    define(values, "help", False, "Show the flags.")


def define_originals(values, method):
    """The flags of a method's original, and its names of the settings."""
    module = module_of(method)
    if hasattr(module, "define"):
        module.define(values)
    for name, text in ignored_of(method).items():
        define(values, name, None, f"Accepted, without an effect: {text}", str)
    for alias, name in aliases_of(method).items():
        if name in values:
            absl_flags.DEFINE_alias(alias, name, flag_values=values)


def parse(argv, classes):
    """The `CommandLine` of a program name and arguments.

    Args:
        argv: `--output-dim` is read as `--output_dim`, `-h` as `--help`, and a switch may have
            the word True or False behind it.
        classes: `TRAIN`, `TEST`, `COMPARE`, `EMBED` or `SEARCH`; words without a flag are queries
            of the last.
    Raises:
        ValueError: an unknown method or flag, a word without a flag, a value that does not fit.
        absl_flags.Error: a value of another type.
    """
    argv = _with_values([_with_underscores(argument) for argument in argv])
    method = _method(argv, classes)
    values = _values(method, classes)
    argv = _with_truths(argv, values)
    try:
        words = values(argv)[1:]
    except absl_flags.UnrecognizedFlagError as error:
        known = {script: list(_values(None, each)) for each, script in SCRIPTS.items()}
        raise ValueError(hints.unknown(error.flagname, values, method, known)) from error
    if words and classes is SEARCH:
        values(["", *(f"--query={word}" for word in words)])
    elif words:
        values(["", *_named(words, order_of(method))])
        values(argv)  # a flag goes before the word that means the same
    ignored = {name: why for name, why in ignored_of(method).items() if values[name].present}
    notes = [f"--{name} has no effect: {why}" for name, why in ignored.items()]
    return CommandLine(values, method, _given(values, method, classes is TRAIN), notes)


def _method(argv, classes):
    """The method that a command line names, or None."""
    if Compare in classes:  # it has several
        return None
    shared = _values(None, classes)
    shared(_with_truths(argv, shared), known_only=True)
    return shared.method


def _values(method, classes):
    """A new `FlagValues` with the flags of a command and of a method."""
    method = None if classes is EMBED else method  # a trained model has its settings
    values = absl_flags.FlagValues()
    values.set_gnu_getopt(True)  # flags may stand behind words
    if method is not None:  # its own settings go before shared ones of the same name
        define_fields(values, methods.load(method).Config)
    define_shared(values, classes)
    if method is not None:
        define_originals(values, method)
    return values


def _given(values, method, training):
    """`{setting: value}` of the flags on the command line, as the method's module reads them."""
    aside = {"method", "debug", "help", *aliases_of(method), *ignored_of(method)}
    given = {name: values[name].value for name in values if values[name].present}
    given = {name: value for name, value in given.items() if name not in aside}
    translate = getattr(module_of(method), "translate", None)
    return translate(given, training) if translate else given


def _with_underscores(argument):
    if argument == "-h":
        return "--help"
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return "--" + name[2:].replace("-", "_") + equals + value


def _with_values(argv):
    """`argv` with a value for a flag that may stand alone, where no number follows it."""
    following = [*argv[1:], ""]
    return [
        word if after.isdigit() else ALONE.get(word, word) for word, after in zip(argv, following)
    ]


def _with_truths(argv, values):
    """`argv` with `--flag True` as `--flag=True`, where it is a switch."""
    joined = []
    for word in argv:
        before = joined[-1].lstrip("-") if joined and joined[-1].startswith("-") else None
        if word.lower() in ("true", "false") and before in values and values[before].boolean:
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _named(words, names):
    """Words without a flag as flags, in the order of the original's script."""
    if not names:
        raise ValueError(f"Expected flags like --name=value. Received: {words[0]!r}.")
    if len(words) != len(names):
        raise ValueError(
            f"Expected flags like --name=value, or the {len(names)} words of the original's "
            f"script: {' '.join(names)}. Received {len(words)}: {' '.join(words)}."
        )
    return [f"--{name}={word}" for name, word in zip(names, words)]


def help_text(line):
    """All flags with their defaults and the names that the original has for them."""
    values, method = line.values, line.method
    aliases = {a: n for a, n in aliases_of(method).items() if a in values}
    own = fields.names(methods.load(method).Config) if method else []
    own = [name for name in own if name in values]
    shared = [name for name in values if name not in own and name not in aliases]
    lines = []
    for title, names in (("Flags of the method:", own), ("Shared flags:", shared)):
        lines += ["", title] if names else []
        for name in names:
            others = "".join(f", --{a}" for a, target in aliases.items() if target == name)
            default = values[name].default
            lines.append(f"  --{name}{others}" + ("" if default is None else f"  [{default}]"))
            indents = dict.fromkeys(("initial_indent", "subsequent_indent"), " " * 6)
            lines += textwrap.wrap(" ".join(values[name].help.split()), 90, **indents)
    if order_of(method):
        order = " ".join(order_of(method))
        lines += ["", f"As the original's script, also takes values alone, in this order: {order}."]
    if not method and {"method", "bits"} <= set(values):
        lines += ["", f"With --method={'|'.join(methods.names())} also the flags of the method."]
    return "\n".join(lines)


class _Shown(logging.StreamHandler):
    """Raises the system's error where a line can't be written; by default that is a traceback."""

    def handleError(self, record):
        if isinstance(sys.exc_info()[1], OSError):
            raise  # noqa: PLE0704  called where the error is handled
        super().handleError(record)


def show_log(stream):
    """Writes what tfhash reports to a stream, and of other packages only errors."""
    handler = _Shown(stream)
    handler.setFormatter(logging.Formatter("%(message)s"))
    LOG.handlers = [handler]
    LOG.setLevel(logging.INFO)
    LOG.propagate = False
    if "--debug" not in sys.argv:
        logging.getLogger("tensorflow").setLevel(logging.ERROR)


def _errors():
    """The errors that a user reads as one line; TensorFlow's where it is there already."""
    tensorflow = sys.modules.get("tensorflow")
    return (*ERRORS, tensorflow.errors.OpError) if tensorflow else ERRORS


def main(run, classes, usage):
    """Runs a command: parses its flags, and turns an error into one line and exit status 2.

    Where nobody reads its output any more, as behind `| head -1`, it ends without a word.
    """
    if hasattr(sys.stdout, "reconfigure"):  # the name of a file need not be UTF-8
        sys.stdout.reconfigure(errors="surrogateescape")
    show_log(sys.stdout)
    try:
        line = parse(sys.argv, classes)
        if line.help:
            print(usage + help_text(line))
        else:
            for note in line.notes:
                print(note)
            run(line)
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        _drop_output()
        sys.exit(128 + signal.SIGPIPE)
    except Exception as error:
        if "--debug" in sys.argv or not isinstance(error, _errors()):
            raise
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            _drop_output()
        text = " ".join(str(getattr(error, "message", error)).split()) or type(error).__name__
        print(f"error: {text}", file=sys.stderr)
        sys.exit(2)


def _drop_output():
    """Python would complain at its end of what it could not write."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
