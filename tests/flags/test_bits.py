"""--bits gives every method codes of so many bits, whatever its own setting is called."""

import dataclasses

import pytest

from flags import common
from tfhash import methods, settings

LENGTH = 80  # bits: a multiple of what the codes of every method are made of
WITHOUT = {"hash_table", "float"}  # of buckets; of the features' width


def settled(method, **given):
    return settings.settle(method, {"dataset": "digits"} | given)


@pytest.mark.parametrize("method", sorted(set(methods.names()) - WITHOUT))
def test_every_method_has_codes_of_the_length_asked_for(method):
    given = common.parse(["run", f"--method={method}", f"--bits={LENGTH}"], common.TRAIN).given
    assert settled(method, **given).config.bits == LENGTH


@pytest.mark.parametrize(
    "method, given, expected",
    [
        ("dch", {"bits": 48}, {"output_dim": 48}),
        ("gpq", {"bits": 32}, {"num_codebooks": 8}),
        ("gpq", {"bits": 48, "codeword_bits": 8}, {"num_codebooks": 6}),
        ("gpq", {"bits": 48, "num_codebooks": 12}, {"num_codebooks": 12}),
        ("dtq", {"bits": 64, "n_subcenter": 256}, {"n_subspace": 8, "output_dim": 64}),
        ("dtq", {"bits": 24, "n_subcenter": 256}, {"n_subspace": 3, "output_dim": 66}),
        ("dtq", {"bits": 24, "n_subcenter": 256, "output_dim": 99}, {"output_dim": 99}),
        ("hashnet", {"bits": 64}, {"bits": 64}),
    ],
)
def test_what_the_bits_set(method, given, expected):
    config = dataclasses.asdict(settled(method, **given).config)
    assert {name: config[name] for name in expected} == expected


@pytest.mark.parametrize(
    "method, given, words",
    [
        ("gpq", {"bits": 30}, "--bits=28 or --bits=32"),
        ("gpq", {"bits": 3}, "--bits=4."),
        ("gpq", {"bits": 0}, "--bits=4."),
        ("dqn", {"bits": 50, "n_subcenter": 256}, "--bits=48 or --bits=56"),
        ("gpq", {"bits": 48, "num_codebooks": 8}, "--num_codebooks=8, which make codes of 32"),
        ("dch", {"bits": 48, "output_dim": 64}, "--output_dim=64, which make codes of 64 bits"),
        ("dch", {"bits": 0}, "`output_dim` >= 1"),
        ("dvsq", {"bits": 50, "output_dim": 64}, "Use --output_dim=70"),
        ("hash_table", {"bits": 64}, "--buckets"),
        ("float", {"bits": 64}, "no --bits"),
        ("pq", {"bits": 20}, "--bits=16 or --bits=24"),
        ("rabitq", {"bits": 64}, "Use --bits=72"),
    ],
)
def test_bits_that_cannot_be_are_refused_with_the_way_out(method, given, words):
    with pytest.raises(ValueError) as refusal:
        settled(method, **given)
    assert words in str(refusal.value)


def test_what_the_bits_set_counts_as_given_and_is_said():
    chosen = settled("dtq", bits=15)
    assert chosen.origins["n_subspace"] == chosen.origins["output_dim"] == settings.GIVEN
    assert "  --n_subspace=3, for codes of 15 bits" in chosen.notes
    assert chosen.model == "models/dtq_15bits"


def test_dvsq_keeps_the_width_of_its_word_vectors():
    config = methods.load("dvsq").Config
    assert config.of_bits(48, {}) == {"n_subspace": 6}
    assert methods.load("dqn").Config.of_bits(64, {}) == {"n_subspace": 8, "output_dim": 304}


def test_a_method_without_a_setting_for_it_says_so():
    @dataclasses.dataclass(frozen=True)
    class Config(settings.fields.Config):
        length: int = 3

    with pytest.raises(ValueError, match="no --bits"):
        settings.with_bits(Config, {"bits": 8}, {})
