"""What in a model directory is tfhash's own, and what of killed runs is swept."""

import os

import pytest

from tfhash import contents

OWN = (
    "config.json",
    "weights.safetensors",
    "manifest.json",
    "history.jsonl",
    "bad_images.txt",
    "checkpoints/checkpoint",
    "checkpoints/ckpt-12.index",
    "checkpoints/ckpt-12.data-00000-of-00001",
    "checkpoints/ckpt-16_temp/part-00000-of-00001.index",
    "tensorboard/events.out.tfevents.1790000000.host.12.0.v2",
    "report/files.json",
    ".0123456789abcdef.weights.safetensors",
    ".4711.config.json",
    "report/.0123456789abcdef.metrics.json",
)
STRANGE = (
    "thesis.tex",
    "weights.safetensors.bak",
    "checkpoints/notes.txt",
    "checkpoints/best/ckpt-1.index",
    "tensorboard/thesis.tex",
    "report/thesis.tex",
    ".4711.thesis.tex",
    ".0123456789abcdef.thesis.tex",
)


def write(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("content")


def files_in(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_what_tfhash_writes_is_its_own(tmp_path):
    write(tmp_path, OWN)
    assert contents.strangers(tmp_path) == []


@pytest.mark.parametrize("name", STRANGE)
def test_anything_else_is_strange(tmp_path, name):
    write(tmp_path, (*OWN, name))
    expected = "checkpoints/best" if "best" in name else name
    assert contents.strangers(tmp_path) == [expected]


@pytest.mark.parametrize("name", ["weights.safetensors", "report", "checkpoints"])
def test_a_link_is_strange(tmp_path, name):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / name).symlink_to(tmp_path / "elsewhere")
    assert contents.strangers(tmp_path / "m") == [name]


def test_the_files_of_a_test_are_those_that_are_listed(tmp_path):
    write(tmp_path / "m", ("report/a.csv", "report/b.csv"))
    contents.record(tmp_path / "m" / "report", [tmp_path / "m" / "report" / "a.csv"])
    assert contents.strangers(tmp_path / "m") == ["report/b.csv"]
    contents.record(tmp_path / "m" / "report", ["b.csv"])
    assert contents.strangers(tmp_path / "m") == []


@pytest.mark.parametrize("content", ["", "[", "7", '["../../a", 3]', "[" * 10**5])
def test_a_damaged_list_of_files_lists_nothing_else(tmp_path, content):
    write(tmp_path / "m", ("report/a.csv",))
    (tmp_path / "m" / "report" / "files.json").write_text(content)
    assert contents.strangers(tmp_path / "m") == ["report/a.csv"]


def test_a_pipe_as_the_list_of_files_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "files.json")
    assert contents.recorded(tmp_path) == set()


def test_only_what_tfhash_has_written_is_removed(tmp_path, caplog):
    write(tmp_path / "m", (*OWN, "tensorboard/thesis.tex"))
    contents.remove(tmp_path / "m")
    assert files_in(tmp_path / "m") == {"tensorboard/thesis.tex"}
    assert "m` holds what tfhash has not written" in caplog.text


def test_a_directory_of_nothing_else_is_removed_as_a_whole(tmp_path):
    write(tmp_path / "m", OWN)
    contents.remove(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_not_followed_to_remove_what_is_there(tmp_path):
    write(tmp_path / "m", OWN)
    (tmp_path / "link").symlink_to("m")
    contents.remove(tmp_path / "link")
    assert files_in(tmp_path / "m") == set(OWN)


LEFT = (
    ".m.0123456789abcdef.new/config.json",
    ".m.new-4711/.4711.weights.safetensors",
    ".m.old-4711/weights.safetensors",
    "m/.0123456789abcdef.weights.safetensors",
    "m/.4711.manifest.json",
    "m/checkpoints/.0123456789abcdef.checkpoint",
    "m/checkpoints/ckpt-16_temp/part-00000-of-00001.index",
)
KEPT = (
    "m/config.json",
    "m/checkpoints/ckpt-12.index",
    "m/.4711.thesis.tex",
    "m/report/.0123456789abcdef.metrics.json",
    ".other.0123456789abcdef.new/config.json",
    ".m.0123456789abcdef.newer/config.json",
)


def test_what_killed_trainings_have_left_is_swept_and_nothing_else(tmp_path):
    """A report is a test's, which may be under way; other models have other names."""
    write(tmp_path, (*LEFT, *KEPT))
    contents.sweep(tmp_path / "m")
    assert files_in(tmp_path) == set(KEPT)


def test_a_model_that_was_about_to_be_replaced_is_put_back(tmp_path):
    """The process was killed between the two renames."""
    write(tmp_path, (".m.0123456789abcdef.old/config.json", ".m.0123456789abcdef.new/config.json"))
    contents.sweep(tmp_path / "m")
    assert files_in(tmp_path) == {"m/config.json"}


def test_what_killed_tests_have_left_is_swept_and_nothing_else(tmp_path):
    write(tmp_path, ("a.csv", ".0123456789abcdef.a.csv", ".4711.a.csv", ".4711.thesis.tex"))
    contents.record(tmp_path, ["a.csv"])
    contents.sweep_report(tmp_path)
    assert files_in(tmp_path) == {"a.csv", "files.json", ".4711.thesis.tex"}
