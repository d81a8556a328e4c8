import copy
import dataclasses

import pytest
from absl import flags as absl_flags

from flags import aliases_of, common, ignored_of
from tfhash import config as fields
from tfhash import methods, settings

ROOMS = (settings.Data, settings.Run, settings.Devices, settings.Test)
COMMANDS = {"train": common.TRAIN, "test": common.TEST}
each_method = pytest.mark.parametrize("method", methods.names())
each_command = pytest.mark.parametrize("command", COMMANDS)


def parse(*arguments, command="train"):
    return common.parse(["command", *arguments], COMMANDS[command])


# ---- settings are flags


@each_command
@each_method
def test_every_setting_of_a_method_is_a_flag_with_a_help_text(method, command):
    config = methods.load(method).Config
    values = parse(f"--method={method}", command=command).values
    for name in fields.names(config):
        assert fields.text(config, name) and values[name].help, name
        assert values[name].default == getattr(config(), name)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__)
def test_every_setting_of_a_command_is_a_flag_with_a_help_text(room):
    for command, rooms in COMMANDS.items():
        if room in rooms:
            values = parse(command=command).values
            for name in fields.names(room):
                assert fields.text(room, name) and values[name].help, name


@each_command
@each_method
def test_the_help_shows_every_setting(method, command):
    shown = common.help_text(parse(f"--method={method}", command=command))
    rooms = (methods.load(method).Config, *COMMANDS[command])
    for name in {name for room in rooms for name in fields.names(room)}:
        assert f"  --{name}" in shown


@each_method
def test_a_method_without_flags_has_the_defaults_of_its_config(method):
    line = parse(f"--method={method}")
    assert line.given == {}
    assert methods.load(method).Config.of(line.given) == methods.load(method).Config()


# ---- the originals' names


@each_method
def test_every_alias_names_a_flag_of_a_command(method):
    lines = [parse(f"--method={method}", command=command) for command in COMMANDS]
    known = {name for line in lines for name in line.values}
    own = set(fields.names(methods.load(method).Config))
    rooms = own | {name for room in ROOMS for name in fields.names(room)}
    for alias, target in aliases_of(method).items():
        assert alias in known and target in known - set(aliases_of(method)), alias
        assert target in rooms | {"model", "evaluate", "bits"}, alias


@each_method
def test_every_alias_of_a_setting_sets_it(method):
    default = methods.load(method).Config()
    for alias, target in aliases_of(method).items():
        if target in fields.names(type(default)):
            choices = fields.notes(type(default), target).get("choices")
            value = choices[-1] if choices else getattr(default, target) * 2
            assert parse(f"--method={method}", f"--{alias}={value}").given == {target: value}


@each_method
def test_what_an_original_has_and_this_has_not_is_accepted(method):
    for name, why in ignored_of(method).items():
        line = parse(f"--method={method}", f"--{name}=7")
        assert line.given == {} and why in line.values[name].help
        assert line.notes == [f"--{name} has no effect: {why}"]


def test_the_originals_paths_are_flags():
    given = parse("--method=gpq", "--model_save_path=m", "--ImagNet_pretrained_path=x.mat").given
    assert given == {"model": "m", "pretrained": "x.mat"}


def test_the_opposite_of_a_switch_turns_it_off():
    assert parse("--method=dch", "--without_tanh").given == {"with_tanh": False}
    assert parse("--method=dch", "--nowithout_tanh").given == {"with_tanh": True}


# ---- parsing


def test_dashes_and_underscores_are_alike():
    given = parse("--method=gpq", "--num-codebooks=8", "--data-dir=a-b").given
    assert given == {"num_codebooks": 8, "data_dir": "a-b"}


def test_an_unknown_method_names_those_there_are():
    with pytest.raises(ValueError, match="nonsense") as refusal:
        parse("--method=nonsense")
    assert all(name in str(refusal.value) for name in methods.names())


def test_a_word_that_is_no_flag_is_named():
    with pytest.raises(ValueError, match="'digits'"):
        parse("--method=gpq", "digits")


@pytest.mark.parametrize("flag", ["--precision=float8", "--num_codebooks=x", "--epochs=1.5"])
def test_a_wrong_value_names_the_flag(flag):
    with pytest.raises(absl_flags.Error, match=flag.split("=")[0]):
        parse("--method=gpq", flag)


# ---- settling


def flag_values(line):
    """`{flag: (value, whether it was given)}` of a command line."""
    return {name: (line.values[name].value, line.values[name].present) for name in line.values}


@each_method
def test_settling_and_help_change_no_flag_and_nothing_given(method):
    line = parse(f"--method={method}", "--dataset=digits", "--batch_size=40", "--seed=3")
    flags, given = flag_values(line), copy.deepcopy(line.given)
    assert given == {"dataset": "digits", "batch_size": 40, "seed": 3}
    first = settings.settle(line.method, line.given)
    common.help_text(line)
    assert (flag_values(line), line.given) == (flags, given)
    assert settings.settle(line.method, line.given) == first


@each_method
def test_settings_say_where_each_value_comes_from(method):
    given = {"dataset": "digits", "batch_size": 40, "seed": 3}
    settled = settings.settle(method, given)
    by_dataset = settled.config.defaults("digits", given).keys() - given
    expected = dict.fromkeys(by_dataset, "dataset") | dict.fromkeys(given, "given")
    assert {n: o for n, o in settled.origins.items() if o != "default"} == expected
    own = fields.names(type(settled.config))
    for name in set(own) - set(expected):
        assert getattr(settled.config, name) == getattr(type(settled.config)(), name)
    rooms = (settings.Data, settings.Run, settings.Devices)
    assert set(settled.origins) == {*own, *(n for room in rooms for n in fields.names(room))}


@each_method
def test_settings_are_frozen(method):
    settled = settings.settle(method, {"dataset": "digits"})
    for part in (settled, settled.config, settled.data, settled.run, settled.devices):
        name = dataclasses.fields(part)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(part, name, getattr(part, name))


def test_an_unknown_setting_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="'num_codebok'.* Did you mean num_codebooks"):
        settings.settle("gpq", {"num_codebok": 3})
