import dataclasses

import pytest
from absl import flags as absl_flags

from flags import common
from tfhash import methods


def parse(*arguments, command=common.define_train):
    return common.parse(["run_train.py", *arguments], command)


@pytest.mark.parametrize("name", methods.names())
def test_a_method_without_flags_has_the_defaults_of_its_config(name):
    values, module = parse(f"--method={name}")
    assert module.config(values) == methods.load(name).Config()


@pytest.mark.parametrize("name", methods.names())
def test_every_setting_of_a_method_is_a_flag_with_a_help_text(name):
    values, module = parse(f"--method={name}")
    shown = common.help_text(values, module)
    for field in dataclasses.fields(module.Config):
        assert f"--{field.name}" in shown
        assert values[field.name].help


@pytest.mark.parametrize("name", methods.names())
def test_every_alias_sets_its_flag(name):
    _, module = parse(f"--method={name}")
    for alias, target in module.ALIASES.items():
        field = {f.name: f for f in dataclasses.fields(module.Config)}[target]
        values, _ = parse(f"--method={name}", f"--{alias}={field.default * 2}")
        assert values[target].value == field.default * 2
        assert common.given(values, target)


def test_dashes_and_underscores_are_alike():
    values, _ = parse("--method=gpq", "--num-codebooks=8", "--data-dir=a-b")
    assert values.num_codebooks == 8 and values.data_dir == "a-b"


def test_a_flag_that_is_not_given_is_not_asked():
    values, _ = parse("--method=gpq", "--n_book=8")
    assert common.asked(values, ["num_codebooks", "alpha"]) == {"num_codebooks": 8}


def test_an_unknown_method_names_those_there_are():
    with pytest.raises(ValueError, match="gpq"):
        parse("--method=nonsense")


def test_a_misspelt_flag_suggests_the_right_one():
    with pytest.raises(absl_flags.Error, match="num_codebooks"):
        parse("--method=gpq", "--num_codebook=3")


def test_a_word_that_is_no_flag_is_named():
    with pytest.raises(ValueError, match="'digits'"):
        parse("--method=gpq", "digits")


@pytest.mark.parametrize("flag", ["--precision=float8", "--num_codebooks=x", "--epochs=1.5"])
def test_a_wrong_value_names_the_flag(flag):
    with pytest.raises(absl_flags.Error, match=flag.split("=")[0]):
        parse("--method=gpq", flag)


def test_the_originals_paths_are_flags():
    values, _ = parse("--method=gpq", "--model_save_path=m", "--ImagNet_pretrained_path=x.mat")
    assert (values.model, values.pretrained) == ("m", "x.mat")
