"""The trainings that a comparison is made of, and what is refused before the first."""

import pytest

from tfhash.comparison.settings import Compare, cells

GIVEN = {"dataset": "digits"}


def named(methods, given=GIVEN, **changes):
    return [cell.name for cell in cells(Compare(methods=methods, **changes), given)]


def test_there_is_a_training_for_each_method_length_and_seed_seed_by_seed():
    assert named("itq, dch", bits="16,32", seeds=2) == [
        "itq_16bits_seed0",
        "itq_32bits_seed0",
        "dch_16bits_seed0",
        "dch_32bits_seed0",
        "itq_16bits_seed1",
        "itq_32bits_seed1",
        "dch_16bits_seed1",
        "dch_32bits_seed1",
    ]


def test_a_method_whose_length_cannot_be_chosen_is_trained_once():
    found = named("float,hash_table", GIVEN | {"seed": 3}, bits="16,32")
    assert found == ["float_seed3", "hash_table_seed3"]


def test_settings_of_single_methods_are_theirs_alone_and_of_their_types():
    given = GIVEN | {"l2_normalize": True}
    asked = Compare(methods="gpq,dch", set="gpq.epochs=3, gpq.learning_rate=0.5")
    gpq, dch = (cell.settings("out") for cell in cells(asked, given))
    assert (gpq.config.epochs, gpq.config.learning_rate) == (3, 0.5)
    assert dch.config.learning_rate != 0.5
    assert gpq.config.l2_normalize and dch.config.l2_normalize
    assert gpq.config.bits == dch.config.bits == 64 and gpq.model == "out/models/gpq_64bits_seed0"


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"methods": ""}, "Expected --methods, some of .*itq"),
        ({"methods": "itq,nonsense"}, "nonsense"),
        ({"methods": "itq,itq"}, "each of --methods once.*itq"),
        ({"bits": "16;32"}, "--bits like 16,32,64. Received: '16;32'"),
        ({"bits": "0"}, "--bits like 16,32,64"),
        ({"bits": "16,16"}, "each of --bits once.*16"),
        ({"methods": "dch,gpq", "bits": "16,13"}, "gpq at 13 bits: .*--bits=12 or --bits=16"),
        ({"methods": "itq,rabitq"}, "rabitq at 64 bits: .*Use --bits=72"),
        ({"set": "dch.iter_num=5"}, "METHOD.SETTING=VALUE, of one of itq.*'dch.iter_num=5'"),
        ({"set": "itq"}, "METHOD.SETTING=VALUE"),
        ({"set": "itq.fit_item=5"}, "fit_items"),
        ({"set": "itq.fit_items=x"}, "`fit_items` of type int. Received: 'x'"),
        ({"set": "itq.whiten=maybe"}, "`whiten` of type bool. Received: 'maybe'"),
        ({"set": "itq.fit_items=0"}, "itq at 64 bits: .*`fit_items` >= 1"),
    ],
)
def test_what_cannot_be_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        named(**({"methods": "itq"} | changes))


@pytest.mark.parametrize("name", ["resume", "overwrite", "save_dir", "start_from"])
def test_flags_of_a_single_training_are_refused(name):
    with pytest.raises(ValueError, match=f"--{name} is no flag of a comparison"):
        named("itq", GIVEN | {name: "x"})
