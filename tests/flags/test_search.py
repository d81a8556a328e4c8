"""The command line of run_search.py."""

import pytest

from flags import common
from tfhash.search.settings import Search


def parsed(*words):
    """The `Search` of a command line."""
    return Search.of(common.parse(["run_search.py", *words], common.SEARCH).given)


@pytest.mark.parametrize(
    "words, port",
    [
        (["--serve"], "8000"),
        (["--serve", "--json"], "8000"),
        (["--serve", "a.jpg"], "8000"),
        (["--serve=99"], "99"),
        (["--serve", "99"], "99"),
    ],
)
def test_a_page_without_a_port_has_the_usual_one(words, port):
    assert parsed(*words).serve == port


def test_queries_are_flags_and_words_in_their_order():
    asked = parsed("--query=a.jpg", "b.jpg", "--query", "c d.jpg", "--top=3", "e.jpg")
    assert list(asked.query) == ["a.jpg", "c d.jpg", "b.jpg", "e.jpg"] and asked.top == 3


def test_words_alone_are_queries():
    assert list(parsed("a.jpg", "b,c.jpg").query) == ["a.jpg", "b,c.jpg"]


def test_a_switch_may_have_its_value_behind_it():
    assert parsed("a.jpg", "--json", "True").json
    assert list(parsed("a.jpg", "--json", "True").query) == ["a.jpg"]


def test_a_flag_of_this_command_is_named_elsewhere():
    with pytest.raises(ValueError, match="--within.*run_search.py"):
        common.parse(["run_test.py", "--within=x"], common.TEST)


def test_the_help_names_no_default_for_the_model():
    flags = common.parse(["run_search.py", "--help"], common.SEARCH).values
    assert "Default" not in flags["model"].help
