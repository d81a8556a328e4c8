"""Command lines as the originals' scripts take them: short flags, words behind switches, values
by their order."""

import pytest

from flags import common, order_of
from tfhash import methods

WORDS = ("0.002", "300", "5000", "0.0001", "4", "cifar10", "0", "tflog", "/data")
DHN = ("0.00005", "64", "2000", "0.0", "10.0", "cifar10", "0", "tflog", "/data")


def parse(*arguments, command=common.TRAIN):
    return common.parse(["command", *arguments], command)


@pytest.mark.parametrize("method", ["dqn", "dvsq"])
def test_values_alone_are_taken_in_the_order_of_train_val_sh(method):
    line = parse(f"--method={method}", *WORDS)
    assert line.given == {
        "learning_rate": 0.002,
        "output_dim": 300,
        "iter_num": 5000,
        "cq_lambda": 0.0001,
        "n_subspace": 4,
        "dataset": "cifar10",
        "gpus": "0",
        "data_dir": "/data",
    }
    assert [note.split()[0] for note in line.notes] == ["--log_dir"]


@pytest.mark.parametrize("command", [common.TRAIN, common.TEST])
def test_dhn_has_its_alpha_in_the_place_of_the_codebooks(command):
    given = parse(*DHN, "--method=dhn", "--seed=3", command=command).given
    assert (given["alpha"], given["cq_lambda"], given["seed"]) == (10.0, 0.0, 3)


def test_a_flag_goes_before_the_value_in_its_place():
    for line in (("--iter_num=2", *WORDS), (*WORDS, "--iter_num=2")):
        given = parse("--method=dqn", *line).given
        assert (given["iter_num"], given["output_dim"]) == (2, 300)


@pytest.mark.parametrize("method", [name for name in methods.names() if order_of(name)])
def test_another_number_of_values_is_refused_with_their_order(method):
    for words in (WORDS[:-1], (*WORDS, "more")):
        with pytest.raises(ValueError) as refusal:
            parse(f"--method={method}", *words)
        assert f"Received {len(words)}: " in str(refusal.value)
        assert " ".join(order_of(method)) in str(refusal.value)


def test_the_help_says_in_which_order_values_are_taken():
    shown = common.help_text(parse("--method=dqn"))
    assert "lr output_dim iter_num cq_lambda subspace_num dataset gpu log_dir data_root" in shown


@pytest.mark.parametrize(
    "words, expected",
    [
        (["--with_tanh", "True"], {"with_tanh": True}),
        (["--with-tanh", "False"], {"with_tanh": False}),
        (["--finetune-all", "false"], {"finetune_all": False}),
        (["--without-tanh", "False"], {"with_tanh": True}),
        (["--skip_bad_images", "true"], {"skip_bad_images": True}),
        (["--finetune_all", "False", "--dataset", "digits"], {"finetune_all": False}),
    ],
)
def test_a_switch_may_have_its_value_behind_it(words, expected):
    for line in ([*words, "--method=dch"], ["--method=dch", *words]):
        given = parse(*line).given
        assert {name: given[name] for name in expected} == expected


def test_a_word_behind_a_switch_that_is_no_truth_value_is_refused():
    with pytest.raises(ValueError, match="'0'"):
        parse("--method=dch", "--with_tanh", "0")


def test_a_text_may_be_a_truth_value():
    assert parse("--method=dch", "--save_dir", "True").given == {"save_dir": "True"}


def test_short_flags_have_one_dash():
    given = parse("--method=dch", "-b", "64", "-vb", "8").given
    assert given == {"batch_size": 64, "val_batch_size": 8}
    assert parse("--method=dch", "-b=64", "--lr", "0.1").given["learning_rate"] == 0.1


def test_e_asks_for_a_test():
    assert parse("--method=dch", "-e", command=common.TEST).given == {}
    with pytest.raises(ValueError, match="run_test.py"):
        parse("--method=dch", "-e")


def test_h_asks_for_help():
    assert parse("-h").help and parse("--method=dch", "-h").help and not parse().help
