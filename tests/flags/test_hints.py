"""What a command says to a flag that it does not know."""

import pytest

from flags import common

COMMANDS = {"train": common.TRAIN, "test": common.TEST}


@pytest.mark.parametrize(
    "method, command, flag, hint",
    [
        ("gpq", "train", "num_codebook", "Did you mean --num_codebooks"),
        ("gpq", "train", "lr", "--lr is --learning_rate here."),
        ("gpq", "train", "hash_bit", "--hash_bit is --bits here."),
        ("dch", "train", "total_epochs", "It is a flag of gpq, not of dch."),
        ("dch", "train", "num_codebooks", "gpq; here --bits sets the length of a code."),
        ("dch", "train", "n_book", "gpq; here --bits sets the length of a code."),
        ("gpq", "train", "margin", "It is a flag of hash_table, not of gpq."),
        ("gpq", "train", "log_dir", "It is a flag of dch, dhn, dqn, dtq, dvsq, not of gpq."),
        (None, "train", "num_codebooks", "It is a flag of gpq: give --method."),
        ("gpq", "train", "ties", "It is a flag of run_test.py."),
        ("gpq", "train", "n_DB", "It is --R of run_test.py."),
        ("gpq", "test", "overwrite", "a flag of run_train.py and run_embed.py."),
        ("gpq", "train", "xyzzy", "--help shows all flags."),
    ],
)
def test_an_unknown_flag_is_named_with_what_it_may_mean(method, command, flag, hint):
    chosen = [f"--method={method}"] if method else []
    with pytest.raises(ValueError) as refusal:
        common.parse(["command", *chosen, f"--{flag}=3"], COMMANDS[command])
    text = str(refusal.value)
    assert text.startswith(f"Unknown flag --{flag}. ") and hint in text
