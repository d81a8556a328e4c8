import contextlib
import json

import numpy as np
import pytest

from tests.test_full_disk import full
from tfhash.embedding.rows import Rows

ARRAY = np.arange(24, dtype=np.float16).reshape(8, 3)


def written(path, stop=8, kept=None, **options):
    """`Rows` of the first `stop` rows, in twos; `kept` of them are made sure of, None for all."""
    with contextlib.closing(Rows(path, 8, "mine", **options)) as rows:
        for first in range(rows.done, stop, 2):
            rows.append(ARRAY[first : first + 2])
            if kept is None or rows.done <= kept:
                rows.keep([first])
    return rows


def test_nothing_has_the_name_of_the_file_before_all_rows_are_there(tmp_path):
    path = tmp_path / "v.npy"
    rows = written(path)
    assert not path.exists()
    rows.finish()
    np.testing.assert_array_equal(np.load(path), ARRAY)
    assert np.load(path).dtype == np.float16 and [p.name for p in tmp_path.iterdir()] == ["v.npy"]


@pytest.mark.parametrize("kept", [0, 4, 6])
def test_a_killed_process_is_gone_on_with_from_what_was_kept(tmp_path, kept):
    """It had written six rows, and made sure of some of them."""
    path = tmp_path / "v.npy"
    written(path, stop=6, kept=kept)
    again = Rows(path, 8, "mine")
    assert (again.done, again.noted) == (kept, [kept - 2] if kept else None)
    written(path).finish()
    np.testing.assert_array_equal(np.load(path), ARRAY)


def test_rows_are_left_out_at_the_end(tmp_path):
    written(tmp_path / "v.npy").finish([1, 7])
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), np.delete(ARRAY, [1, 7], axis=0))


def test_an_unfinished_file_of_others_is_not_gone_on_with(tmp_path):
    path = tmp_path / "v.npy"
    written(path, stop=4)
    with pytest.raises(ValueError, match="holds 4 vectors of other images.*--overwrite"):
        Rows(path, 8, "other")
    assert Rows(path, 8, "other", overwrite=True).done == 0


@pytest.mark.parametrize("content", ["", "[]", "nul", '{"identity": "mine"}'])
def test_a_damaged_state_begins_anew(tmp_path, content):
    path = tmp_path / "v.npy"
    written(path, stop=4)
    (tmp_path / ".v.npy.part.json").write_text(content)
    written(path).finish()
    np.testing.assert_array_equal(np.load(path), ARRAY)


def test_a_file_that_has_become_shorter_is_refused(tmp_path):
    path = tmp_path / "v.npy"
    rows = written(path, stop=4)
    rows.part.write_bytes(rows.part.read_bytes()[:-1])
    state = json.loads((tmp_path / ".v.npy.part.json").read_text())
    assert state["done"] == 4
    with pytest.raises(ValueError, match="shorter than it was"):
        written(path)


@pytest.mark.parametrize("kept", [0, 4])
def test_a_full_disk_is_an_error_that_names_the_file_and_what_was_kept_stays(tmp_path, kept):
    path = tmp_path / "v.npy"
    written(path, stop=kept)
    with full(100), pytest.raises(OSError, match="v.npy` can't be written: File too large.$"):
        written(path)
    assert Rows(path, 8, "mine").done == kept
    written(path).finish()
    np.testing.assert_array_equal(np.load(path), ARRAY)
