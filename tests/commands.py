"""What the tests of the two commands share beside the fixture `run`."""


def refused(result, *words):
    """Asserts a clear refusal: status 2 and one line that holds the words."""
    status, _, errors = result
    assert status == 2, result
    assert errors.startswith("error: ") and errors.count("\n") == 1, errors
    for word in words:
        assert word in errors, errors
