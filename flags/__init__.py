"""The flags of the commands, and a file for each method whose original has a command line, with

    ALIASES               {name in the original: flag here}
    IGNORED               {flag of the original without an effect here: why}
    POSITIONAL            flags whose values the original takes by their order alone
    define(values)        defines further flags
    translate(given, training) -> {setting: value}
                          what the flags given stand for, as a new dictionary

or some of these.
"""

import importlib
import importlib.util


def module_of(method):
    """The module of a method's flags, or None where it has none, or there is no method."""
    name = f"flags.{method}"
    return importlib.import_module(name) if method and importlib.util.find_spec(name) else None


def aliases_of(method):
    """`{name in the original: flag here}` of a method, or of none."""
    return getattr(module_of(method), "ALIASES", {})


def ignored_of(method):
    """`{flag of the original without an effect here: why}` of a method, or of none."""
    return getattr(module_of(method), "IGNORED", {})


def order_of(method):
    """The flags whose values the original of a method takes by their order alone."""
    return getattr(module_of(method), "POSITIONAL", ())
