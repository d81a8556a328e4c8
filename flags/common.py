"""The flags of the commands, made of the settings, and how a command line becomes them.

absl's flags are global and two methods may share a name, so every command fills a `FlagValues`
of its own: first the shared flags alone, to learn the method, then those of the method too.
Nothing changes a flag once it is parsed.

A method whose original has a command line may have a module here, with

    ALIASES               {name in the original: flag here}
    IGNORED               {flag of the original without an effect here: why}
    define(values)        defines further flags
    translate(given, training) -> {setting: value}
                          what the flags given stand for, as a new dictionary
"""

import importlib
import importlib.util
import logging
import os
import sys
import textwrap
import zipfile

from absl import flags as absl_flags

from flags import quiet  # noqa: F401  before TensorFlow is imported

# isort: split
import tensorflow as tf

from tfhash import config as fields
from tfhash import methods, settings

DEFINERS = {
    int: absl_flags.DEFINE_integer,
    float: absl_flags.DEFINE_float,
    str: absl_flags.DEFINE_string,
    bool: absl_flags.DEFINE_boolean,
}
TRAIN = (settings.Data, settings.Run, settings.Devices)
TEST = (settings.Test, settings.Data, settings.Devices)
ERRORS = (
    ValueError,
    OSError,
    ArithmeticError,
    ImportError,
    MemoryError,
    RuntimeError,
    zipfile.BadZipFile,
    tf.errors.OpError,
    absl_flags.Error,
)


class CommandLine:
    """A parsed command line.

    Attributes:
        method: name of the method, or None.
        given: `{setting: value}` of what stands on it, under our names.
        help, debug: whether these were asked for.
    """

    def __init__(self, values, method, given):
        self.values, self.method, self.given = values, method, given
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
            define(values, name, default, fields.text(cls, name))


def define_shared(values, classes):
    """The flags of a command beside those of a method."""
    define(values, "method", None, f"The method: {', '.join(methods.names())}.", str)
    define(values, "model", None, "Model directory. Default: models/ and the code length.", str)
    for cls in classes:
        define_fields(values, cls)
    define(values, "debug", False, "Show the traceback of an error.")
    define(values, "help", False, "Show the flags.")


def module_of(method):
    """The module of a method's flags, or None where it has none."""
    name = f"flags.{method}"
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


def define_originals(values, method):
    """The flags of a method's original, and its names of the settings."""
    module = module_of(method)
    if hasattr(module, "define"):
        module.define(values)
    for name, text in getattr(module, "IGNORED", {}).items():
        define(values, name, None, f"Accepted, without an effect: {text}", str)
    for alias, name in getattr(module, "ALIASES", {}).items():
        if name in values:
            absl_flags.DEFINE_alias(alias, name, flag_values=values)


def parse(argv, classes):
    """The `CommandLine` of a program name and arguments.

    Args:
        argv: `--output-dim` is read as `--output_dim`.
        classes: `TRAIN` or `TEST`.
    Raises:
        ValueError: an unknown method, or a value that does not fit.
        absl_flags.Error: an unknown flag, or a value of another type.
    """
    argv = [_with_underscores(argument) for argument in argv]
    first = absl_flags.FlagValues()
    define_shared(first, classes)
    first(argv, known_only=True)
    values = absl_flags.FlagValues()
    if first.method is not None:  # its own settings go before shared ones of the same name
        define_fields(values, methods.load(first.method).Config)
    define_shared(values, classes)
    if first.method is not None:
        define_originals(values, first.method)
    rest = values(argv)[1:]
    if rest:
        raise ValueError(f"Expected flags like --name=value. Received: {rest[0]!r}.")
    return CommandLine(values, first.method, _given(values, first.method, classes is TRAIN))


def _given(values, method, training):
    """`{setting: value}` of the flags on the command line, as the method's module reads them."""
    module = module_of(method) if method else None
    aside = {"method", "debug", "help", *getattr(module, "ALIASES", {})}
    aside |= set(getattr(module, "IGNORED", {}))
    given = {name: values[name].value for name in values if values[name].present}
    given = {name: value for name, value in given.items() if name not in aside}
    translate = getattr(module, "translate", None)
    return translate(given, training) if translate else given


def _with_underscores(argument):
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return "--" + name[2:].replace("-", "_") + equals + value


def help_text(line):
    """All flags with their defaults and the names that the original has for them."""
    values, method = line.values, line.method
    aliases = {a: n for a, n in getattr(module_of(method), "ALIASES", {}).items() if a in values}
    own = fields.names(methods.load(method).Config) if method else []
    shared = [name for name in values if name not in own and name not in aliases]
    lines = []
    for title, names in (("Flags of the method:", own), ("Shared flags:", shared)):
        lines += ["", title] if names else []
        for name in names:
            others = "".join(f", --{a}" for a, target in aliases.items() if target == name)
            default = values[name].default
            lines.append(f"  --{name}{others}" + ("" if default is None else f"  [{default}]"))
            indents = dict.fromkeys(("initial_indent", "subsequent_indent"), " " * 6)
            lines += textwrap.wrap(values[name].help, 90, **indents)
    if not method:
        lines += ["", f"With --method={'|'.join(methods.names())} also the flags of the method."]
    return "\n".join(lines)


def _show_log():
    """Writes what tfhash reports to standard output, and of other packages only errors."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("tfhash")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    if "--debug" not in sys.argv:
        logging.getLogger("tensorflow").setLevel(logging.ERROR)


def main(run, classes, usage):
    """Runs a command: parses its flags, and turns an error into one line and exit status 2."""
    _show_log()
    try:
        line = parse(sys.argv, classes)
        if line.help:
            print(usage + help_text(line))
            return
        run(line)
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
