"""What an unknown flag may mean: a name of another method or command, or a misspelt one."""

import difflib

from flags import aliases_of, ignored_of
from tfhash import config as fields
from tfhash import methods

NEAREST = 3  # names that are suggested at most


def unknown(name, values, method, commands):
    """The text of an error on an unknown flag, with what to write in its place.

    Args:
        name: of the flag, without dashes.
        values: the flags that there are.
        method: the method that is given, or None.
        commands: `{script: names of its flags}`, of all methods.
    """
    return f"Unknown flag --{name}." + (
        _alias_elsewhere(name, values)
        or _of_commands(name, method, commands)
        or _of_methods(name, method, values)
        or _nearest(name, values)
        or " --help shows all flags."
    )


def _alias_elsewhere(name, values):
    """That another method calls by this name a setting which the method at hand has too."""
    targets = {aliases_of(other).get(name) for other in methods.names()}
    here = sorted(target for target in targets if target in values)
    return f" --{name} is {' or '.join(f'--{target}' for target in here)} here." if here else ""


def _of_methods(name, method, values):
    """The methods that have the flag."""
    owners = [other for other in methods.names() if name in _names(other)]
    if not owners:
        return ""
    text = f" It is a flag of {', '.join(owners)}"
    if "methods" in values:
        return f"{text}: --set=METHOD.{name}=VALUE sets it."
    if method is None:
        return f"{text}: give --method."
    if any(_setting(other, name) in _lengths(other) for other in owners):
        return f"{text}; here --bits sets the length of a code."
    return f"{text}, not of {method}."


def _of_commands(name, method, commands):
    """The command whose flag it is, or by this name in the method's original."""
    flag = _setting(method, name)
    scripts = [script for script, names in commands.items() if flag in names]
    named = "a flag" if flag == name else f"--{flag}"
    return f" It is {named} of {' and '.join(scripts)}." if scripts else ""


def _nearest(name, values):
    near = difflib.get_close_matches(name, list(values), n=NEAREST)
    return f" Did you mean {' or '.join(f'--{other}' for other in near)}?" if near else ""


def _names(method):
    """All names that a method has for its own settings."""
    return {*aliases_of(method), *ignored_of(method), *fields.names(methods.load(method).Config)}


def _setting(method, name):
    return aliases_of(method).get(name, name)


def _lengths(method):
    """The settings of a method that --bits sets."""
    config = methods.load(method).Config
    try:
        return config.of_bits(config().bits, {})
    except ValueError:  # it has no such settings
        return ()
