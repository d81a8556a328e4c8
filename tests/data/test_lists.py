import runpy

import cv2
import numpy as np
import pytest

from tests import golden
from tfhash.data import checks, lists

LINES = {
    "train.txt": ["a.png 1 0 0", "b.png 0 1 0", "c.png 0 1 1"],
    "test.txt": ["d.png 1 1 0"],
    "database.txt": ["a.png 1 0 0", "sub dir/e.png 0 0 1", "f.png 1 0 1"],
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub dir").mkdir()
    for number, name in enumerate(["a", "b", "c", "d", "sub dir/e", "f"]):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((6, 6, 3), number * 10, np.uint8))
    for name, lines in LINES.items():
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
    return tmp_path


def shades(part):
    return part.read(np.arange(len(part)))[:, 0, 0, 0].tolist()


def test_queries_and_database_are_as_listed(folder):
    found = lists.load("coco", folder)
    assert shades(found.query) == [30] and shades(found.database) == [0, 40, 50]
    assert found.database.labels.tolist() == [[1, 0, 0], [0, 0, 1], [1, 0, 1]]
    checks.check(found)


def test_train_is_its_list_and_the_rest_of_the_database_unlabelled(folder):
    train = lists.load("coco", folder).train
    assert shades(train) == [0, 10, 20, 40, 50]
    assert train.labelled.tolist() == [True, True, True, False, False]


def test_an_image_of_two_lists_is_one_image(folder):
    found = lists.load("coco", folder)
    assert found.database.index[0] == found.train.index[0]
    assert len(found.train.images) == 6


def test_images_are_resized_to_256_or_as_asked(folder):
    assert lists.load("coco", folder).query.images.shape == (256, 256, 3)
    assert lists.load("coco", folder, (8, 9)).query.read([0]).shape == (1, 8, 9, 3)


def test_absolute_paths_and_empty_lines_are_taken(folder):
    (folder / "test.txt").write_text(f"\n{folder / 'd.png'}\t1 1 0\r\n\n")
    assert lists.load("coco", folder).query.name(0) == str(folder / "d.png")


def test_lists_that_are_named_in_different_ways_share_their_images(folder, monkeypatch):
    monkeypatch.chdir(folder)
    found = lists.load("coco", ".", files={"database": str(folder / "train.txt")})
    assert found.database.index.tolist() == [0, 1, 2] and found.train.labelled.all()


def test_overlapping_lists_are_found_however_the_path_is_spelt(folder):
    (folder / "test.txt").write_text("./sub dir/../f.png 1 0 1\n")
    with pytest.raises(ValueError, match=r"'database'. 1 of 1.*f\.png"):
        checks.check(lists.load("coco", folder))


@pytest.mark.parametrize(
    "line, message",
    [
        ("gone.png 1 0 0", r"gone\.png`. There is no file"),
        ("b.png 1 0", "3 labels 0 or 1. Received: 2"),
        ("b.png 1 0 0 1", "3 labels 0 or 1. Received: 4"),
        ("b.png", "3 labels 0 or 1. Received: 0"),
        ("b.png 1 2 0", "Received: '2'"),
        ("b.png 1 -1 0", "Received: '-1'"),
        ("b.png 1 0.5 0", "Received: '0.5'"),
        ("b.png 1 10 0", "Received: '10'"),
        ("b.png 1 x 0", "3 labels 0 or 1. Received: 1"),
    ],
)
def test_a_bad_line_is_named_by_file_and_number(folder, line, message):
    (folder / "database.txt").write_text(f"a.png 1 0 0\n\n{line}\n")
    with pytest.raises(ValueError, match=rf"database\.txt`, line 3: .*{message}"):
        lists.load("coco", folder)


def test_a_first_line_without_labels_is_named(folder):
    (folder / "train.txt").write_text("a.png\n")
    with pytest.raises(ValueError, match=r"train\.txt`, line 1: .*its labels.*0 labels"):
        lists.load("coco", folder)


def test_lists_of_different_widths_are_an_error(folder):
    (folder / "test.txt").write_text("d.png 1 1\n")
    with pytest.raises(ValueError, match=r"test\.txt`, line 1: .*3 labels.*Received: 2"):
        lists.load("coco", folder)


def test_another_number_of_classes_than_the_dataset_has_is_an_error(folder):
    with pytest.raises(ValueError, match=r"train\.txt`, line 1: .*2 labels.*Received: 3"):
        lists.load("cifar10", folder, classes=("cat", "dog"))


def test_the_folder_may_be_that_of_a_folder_of_the_datasets_name(folder):
    """As DeepHash's `--data-dir=~/data/` with ~/data/coco/train.txt."""
    inner = folder / "coco"
    inner.mkdir()
    for name in LINES:
        (folder / name).rename(inner / name)
    (folder / "train.txt").write_text("not of coco\n")
    for name in ["a", "b", "c", "d", "f"]:
        (folder / f"{name}.png").rename(inner / f"{name}.png")
    (folder / "sub dir").rename(inner / "sub dir")
    assert lists.folder("coco", folder) == str(inner) and lists.folder("cub", folder) is None
    loaded = lists.load("coco", folder)
    assert shades(loaded.database) == [0, 40, 50]
    assert loaded.query.name(0) == str(inner / "d.png")


def test_the_folder_may_have_another_name_of_the_dataset(folder, tmp_path_factory):
    parent = tmp_path_factory.mktemp("data")
    (parent / "nus_wide").symlink_to(folder)
    assert shades(lists.load("nuswide_81", parent).query) == [30]


def test_paths_may_begin_at_the_current_folder(folder, tmp_path_factory, monkeypatch):
    """As those in HashNet's published data/nuswide_81/train.txt: ./data/nuswide_81/images/..."""
    root = tmp_path_factory.mktemp("hashnet")
    (root / "data").mkdir()
    (root / "data/nuswide_81").symlink_to(folder)
    for name, lines in LINES.items():
        (folder / name).write_text("".join(f"./data/nuswide_81/{line}\n" for line in lines))
    monkeypatch.chdir(root)
    loaded = lists.load("nuswide_81", "data/nuswide_81")
    assert shades(loaded.database) == [0, 40, 50]
    assert loaded.query.name(0) == str(root / "data/nuswide_81/d.png")


def test_paths_may_begin_at_the_given_folder_and_not_at_that_of_the_list(folder):
    inner = folder / "coco"
    inner.mkdir()
    for name in LINES:
        (folder / name).rename(inner / name)
    assert shades(lists.load("coco", folder).database) == [0, 40, 50]


def test_where_the_paths_of_a_list_begin_is_decided_once(folder, tmp_path_factory, monkeypatch):
    """A file of the same name in the current folder does not stand in for one that is missing."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    cv2.imwrite(str(elsewhere / "f.png"), np.zeros((6, 6, 3), np.uint8))
    (folder / "f.png").unlink()
    monkeypatch.chdir(elsewhere)
    with pytest.raises(ValueError, match=r"database\.txt`, line 3: .*f\.png`. There is no file"):
        lists.load("coco", folder)


def test_an_image_that_is_nowhere_is_an_error_with_the_places_tried(folder):
    (folder / "test.txt").write_text("images/d.png 1 1 0\n")
    with pytest.raises(ValueError) as caught:
        lists.load("coco", folder)
    assert str(caught.value) == (
        f"`{folder}/test.txt`, line 1: Expected an image at `{folder}/images/d.png`, or from "
        f"`{folder}/coco` or the current folder or `{folder.parent}` on. There is no file."
    )


def test_an_absolute_path_is_looked_for_nowhere_else(folder):
    (folder / "test.txt").write_text("/home/nobody/d.png 1 1 0\n")
    with pytest.raises(ValueError, match="at `/home/nobody/d.png`. There is no file.$"):
        lists.load("coco", folder)


def test_a_missing_list_is_named(folder):
    (folder / "database.txt").unlink()
    with pytest.raises(ValueError, match=r"of coco in .*Missing: database\.txt.*--data_dir"):
        lists.load("coco", folder)


def test_an_empty_list_is_an_empty_part(folder):
    (folder / "test.txt").write_text("")
    with pytest.raises(ValueError, match="'query' of coco"):
        checks.check(lists.load("coco", folder))


@pytest.mark.parametrize("part", ["train", "query"])
def test_an_empty_list_of_class_numbers_is_an_empty_part(numbered, part):
    (numbered / lists.FILES[part]).write_text("\n")
    found = lists.load("coco", numbered)
    split = getattr(found, part)
    assert split.labels[split.labelled].shape == (0, len(found.classes))


def test_lists_that_are_all_empty_have_no_images(folder):
    for name in lists.NAMES:
        (folder / name).write_text("")
    assert len(lists.load("coco", folder).train.index) == 0


def test_the_lists_of_the_real_images_are_read(tmp_path):
    script = runpy.run_path(str(golden.shared("data/cifar10.py")))
    script["write_images"](script["Archive"](), str(tmp_path), seed=0, limit=120)
    found = lists.load("cifar10", tmp_path, (32, 32), script["CLASSES"])
    checks.check(found)
    assert [len(part) for part in found.parts().values()] == [100, 20, 80]
    assert found.query.read([0, 1]).shape == (2, 32, 32, 3)


NUMBERS = {
    "train.txt": ["a.png 2", "b.png 0", "c.png 1"],
    "test.txt": ["d.png 2"],
    "database.txt": ["a.png 2", "sub dir/e.png   1 ", "f.png\t3"],
}


@pytest.fixture
def numbered(folder):
    for name, lines in NUMBERS.items():
        (folder / name).write_text("".join(f"{line}\n" for line in lines))
    return folder


def test_lists_may_give_the_number_of_the_class(numbered):
    found = lists.load("coco", numbered)
    assert found.classes == ("0", "1", "2", "3")
    assert found.train.labels.argmax(1).tolist() == [2, 0, 1, 1, 3]
    assert found.query.labels.tolist() == [[0, 0, 1, 0]]
    assert found.database.labels.argmax(1).tolist() == [2, 1, 3] and shades(found.query) == [30]


def test_the_number_of_classes_may_be_given(numbered, folder):
    assert len(lists.load("coco", numbered, num_classes=7).classes) == 7
    assert lists.load("cifar10", numbered, classes=tuple("abcde")).classes == tuple("abcde")


@pytest.mark.parametrize(
    "line, message",
    [
        ("f.png 4", r"from 0 to 3. Received: 4. Use --num_classes=5"),
        ("f.png -1", "a class number. Received: 'f.png -1'"),
        ("f.png 1.5", "a class number"),
        ("f.png", "a path and a class number. Received: 'f.png'"),
        ("f.png 0 1 0", "one class number. Received: 'f.png 0 1 0'"),
        ("gone.png 1", r"gone\.png`. There is no file"),
    ],
)
def test_a_bad_line_of_class_numbers_is_named(numbered, line, message):
    (numbered / "database.txt").write_text(f"a.png 2\n\n{line}\n")
    with pytest.raises(ValueError, match=rf"database\.txt`, line 3: .*{message}"):
        lists.load("coco", numbered, num_classes=4)


def test_a_class_number_beyond_the_number_of_images_is_refused(numbered):
    """One line took 4 GiB, for labels of 65536 classes."""
    (numbered / "test.txt").write_text("d.png 65535\n")
    with pytest.raises(ValueError, match="test.txt`: .*65535 in lists of 7.*--num_classes=65536"):
        lists.load("coco", numbered)
    assert len(lists.load("coco", numbered, num_classes=65536).classes) == 65536


def test_labels_of_too_many_images_and_classes_are_refused(numbered, monkeypatch):
    monkeypatch.setattr(lists, "MOST_LABELS", 27)
    with pytest.raises(ValueError, match="database.txt`: .*27 labels.*number 3 in lists of 7"):
        lists.load("coco", numbered)


def test_an_error_about_a_line_without_end_is_short(numbered):
    (numbered / "test.txt").write_text("a" * 10**6 + " 1\n")
    with pytest.raises(ValueError, match="test.txt`, line 1") as raised:
        lists.load("coco", numbered)
    assert len(str(raised.value)) < 1000


def test_a_class_number_beyond_reason_is_refused(numbered):
    (numbered / "test.txt").write_text("d.png 4000000000\n")
    with pytest.raises(ValueError, match="Received: 4000000000"):
        lists.load("coco", numbered)


@pytest.mark.parametrize("name", ["path_label", "path_one_hot", "two_classes"])
def test_lines_are_read_as_by_hashnet(name, monkeypatch):
    case = golden.case("hashnet/list_parsing")
    monkeypatch.setattr(lists.os.path, "isfile", lambda path: True)
    paths, expected = case[f"{name}/out_paths"], case[f"{name}/out_labels"]
    for line, path, labels in zip(case[f"{name}/in_lines"], paths, expected, strict=True):
        parse = lists._parse if labels.ndim else lists._parse_number
        found, read = parse(str(line), labels.size if labels.ndim else None, "")
        assert found == path
        np.testing.assert_array_equal(read, labels)


@pytest.mark.parametrize("name", ["one_hot_then_shorter", "label_then_one_hot"])
def test_lines_of_two_kinds_in_one_list_are_refused(name, folder):
    """HashNet reads them all as the first line says, or keeps labels of different lengths."""
    lines = golden.case("hashnet/list_parsing")[f"{name}/in_lines"].tolist()
    (folder / "train.txt").write_text("".join(line.replace(".jpg", ".png") for line in lines))
    with pytest.raises(ValueError, match=r"train\.txt`, line 2"):
        lists.load("coco", folder)


def test_other_lists_can_be_given(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("lists") / "mine.txt"
    elsewhere.write_text("f.png 1 0 0\n")
    (folder / "more.txt").write_text("a.png 0 1 0\n")
    files = {"database": str(elsewhere), "train": "more.txt", "query": ""}
    found = lists.load("coco", folder, files=files)
    assert shades(found.database) == [50] and shades(found.query) == [30]
    assert shades(found.train) == [0, 50]


def test_images_to_validate_with_are_held_out_of_the_training(folder):
    (folder / "val.txt").write_text("c.png 0 1 1\nf.png 1 0 1\nb.png 0 1 0\n")
    (folder / "train.txt").write_text("a.png 1 0 0\n")
    found = lists.load("coco", folder, files={"val": "val.txt"})
    assert shades(found.train) == [0, 40, 50, 20, 10]
    assert found.train.labelled.tolist() == [True] + [False] * 4


def test_a_list_that_is_not_there_is_named(folder):
    with pytest.raises(ValueError, match="Missing: mine.txt"):
        lists.load("coco", folder, files={"database": "mine.txt"})


# ---- one list alone


def test_a_number_at_the_end_of_a_path_is_no_label(folder):
    (folder / "page 1").write_bytes(b"")
    (folder / "list.txt").write_text("page 1\nsub dir/e.png\n")
    paths = [str(folder / "page 1"), str(folder / "sub dir" / "e.png")]
    assert lists.read(folder / "list.txt") == (paths, None)


def test_paths_begin_at_the_folder_of_the_list_or_the_current_one(folder, monkeypatch):
    (folder / "sub dir" / "list.txt").write_text("e.png 3\n")
    assert lists.read(folder / "sub dir" / "list.txt").labels.tolist() == [3]
    (folder / "sub dir" / "list.txt").write_text("a.png 0 1\n")
    monkeypatch.chdir(folder)
    found = lists.read("sub dir/list.txt")
    assert found.labels.tolist() == [[0, 1]] and found.paths == [str(folder / "a.png")]


def test_an_empty_list_is_refused(folder):
    (folder / "list.txt").write_text("\n \n")
    with pytest.raises(ValueError, match="list.txt`. It is empty"):
        lists.read(folder / "list.txt")
