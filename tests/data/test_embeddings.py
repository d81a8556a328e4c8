"""Embeddings: their files, labels, ids and parts, and what is wrong with them."""

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from tfhash import data
from tfhash.data import embedding_files, embeddings

COUNT, WIDTH = 40, 4
VECTORS = np.random.default_rng(0).standard_normal((COUNT, WIDTH)).astype(np.float16)
NUMBERS = np.arange(COUNT) % 4
IDS = np.array([f"i{number}" for number in range(COUNT)])
PARTS = np.where(np.arange(COUNT) % 5 == 0, "query", "train")


def write_npy(folder, labels=NUMBERS, **others):
    np.save(folder / "vectors.npy", VECTORS)
    np.save(folder / "labels.npy", labels)
    (folder / "ids.txt").write_text("".join(f"{one}\n" for one in IDS))
    for name, array in others.items():
        np.save(folder / f"{name}.npy", array)
    return folder / "vectors.npy"


def write_csv(folder, lines, ids=True):
    np.save(folder / "vectors.npy", VECTORS)
    if ids:
        (folder / "ids.txt").write_text("\n".join(IDS))
    (folder / "labels.csv").write_text("\n".join(lines))
    return folder / "vectors.npy"


def write_npz(folder):
    np.savez(folder / "all.npz", vectors=VECTORS, labels=NUMBERS, ids=IDS)
    return folder / "all.npz"


def write_parquet(folder):
    rows = {"vector": VECTORS.astype("f4").tolist(), "label": NUMBERS, "id": IDS.tolist()}
    pyarrow.parquet.write_table(pyarrow.table(rows), folder / "all.parquet")
    return folder / "all.parquet"


def write_fixed_parquet(folder):
    flat = pyarrow.array(VECTORS.astype("f4").ravel())
    rows = {"vector": pyarrow.FixedSizeListArray.from_arrays(flat, WIDTH), "label": NUMBERS}
    pyarrow.parquet.write_table(pyarrow.table(rows | {"id": IDS.tolist()}), folder / "all.parquet")
    return folder / "all.parquet"


CSV = ["id,label", *(f"{one},{number}" for one, number in zip(IDS, NUMBERS))]
WRITERS = {
    "npy": write_npy,
    "folder": lambda folder: write_npy(folder).parent,
    "csv": lambda folder: write_csv(folder, CSV[:1] + CSV[:0:-1]),  # in another order
    "csv_alone": lambda folder: write_csv(folder, CSV, ids=False),
    "npz": write_npz,
    "parquet": write_parquet,
    "fixed_parquet": write_fixed_parquet,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_vectors_labels_and_ids_are_read_of_every_kind_of_file(kind, tmp_path):
    splits = embeddings.load(WRITERS[kind](tmp_path))
    assert splits.classes == ("0", "1", "2", "3")
    for part in splits.parts().values():
        rows = part.index
        np.testing.assert_array_equal(part.read(np.arange(len(part))), VECTORS[rows])
        np.testing.assert_array_equal(part.labels.argmax(axis=1), NUMBERS[rows])
        assert [part.name(place) for place in range(len(part))] == IDS[rows].tolist()


# ---- parts


def test_a_tenth_of_each_class_are_queries_and_the_rest_is_database_and_train(tmp_path):
    splits = embeddings.load(write_npy(tmp_path))
    assert splits.query.labels.sum(axis=0).tolist() == [1, 1, 1, 1]
    assert len(splits.database) == len(splits.train) == 36 and splits.train.labelled.all()
    assert not data.checks.overlap(splits.query, splits.database)


def test_the_seed_draws_the_parts(tmp_path):
    path = write_npy(tmp_path)
    one, same, other = (embeddings.load(path, seed=seed).query.index for seed in (1, 1, 2))
    assert one.tolist() == same.tolist() != other.tolist()


@pytest.mark.parametrize(
    "text, queries, labelled",
    [("query:8", 8, 32), ("query:0.5,labelled:0.5", 20, 10), ("labelled:4", 4, 4)],
)
def test_numbers_and_shares_of_the_parts(text, queries, labelled, tmp_path):
    splits = embeddings.load(write_npy(tmp_path), split=text)
    assert len(splits.query) == queries and len(splits.train) == COUNT - queries
    assert splits.train.labelled.sum() == labelled
    per_class = splits.train.labels[splits.train.labelled].sum(axis=0)
    assert per_class.max() - per_class.min() <= 1


@pytest.mark.parametrize("text", ["query", "query:0", "query:1.5", "test:3", "labelled:-1", "3"])
def test_other_texts_of_parts_are_refused(text, tmp_path):
    with pytest.raises(ValueError, match="Expected `split` like query:1000,labelled:0.5"):
        embeddings.load(write_npy(tmp_path), split=text)


def test_given_parts_are_taken_and_train_is_the_database(tmp_path):
    splits = embeddings.load(write_npy(tmp_path, split=PARTS))
    assert splits.query.index.tolist() == list(range(0, COUNT, 5))
    assert splits.database.index.tolist() == splits.train.index.tolist()


def test_a_database_of_its_own_and_items_in_no_part(tmp_path):
    parts = np.array(["train", "query", "database", ""] * 10)
    splits = embeddings.load(write_npy(tmp_path, split=parts))
    assert [part.index[0] for part in splits.parts().values()] == [0, 1, 2]
    assert {len(part) for part in splits.parts().values()} == {10}


def test_parts_in_a_column_of_the_csv_file(tmp_path):
    lines = ["id,label,split", *(f"{i},{n},{p}" for i, n, p in zip(IDS, NUMBERS, PARTS))]
    splits = embeddings.load(write_csv(tmp_path, lines))
    assert splits.query.index.tolist() == list(range(0, COUNT, 5))


def test_unknown_parts_and_parts_given_twice_are_refused(tmp_path):
    path = write_npy(tmp_path, split=np.where(PARTS == "query", "test", "train"))
    with pytest.raises(ValueError, match="train, query, database. Received: 'test'"):
        embeddings.load(path)
    with pytest.raises(ValueError, match="gives the part of each item"):
        embeddings.load(path, split="query:3")


# ---- labels


def test_names_negative_numbers_and_rows_of_labels(tmp_path):
    assert embeddings.one_hot(["b", "a", "", "b"], "x")[0] == ["a", "b"]
    classes, rows = embeddings.one_hot(np.array(["10", "9", "9"]), "x")
    assert classes == ["9", "10"] and rows.tolist() == [[0, 1], [1, 0], [1, 0]]
    classes, rows = embeddings.one_hot(np.array([7, -1, 2]), "x")
    assert classes == ["2", "7"] and rows.tolist() == [[0, 1], [0, 0], [1, 0]]
    classes, rows = embeddings.one_hot(np.array([[1, 1], [0, 0]]), "x")
    assert classes == ["0", "1"] and rows.tolist() == [[1, 1], [0, 0]]


@pytest.mark.parametrize("labels", [np.array([[2, 0]]), np.array([0.5]), np.zeros((2, 2, 2), int)])
def test_other_labels_are_refused(labels):
    with pytest.raises(ValueError, match="Expected labels.*`x`"):
        embeddings.one_hot(labels, "x")


def test_items_without_a_label_are_no_queries(tmp_path):
    labels = np.where(np.arange(COUNT) < 20, NUMBERS, -1)
    splits = embeddings.load(write_npy(tmp_path, labels))
    assert splits.query.labels.any(axis=1).all()
    assert splits.train.labelled.sum() == 20 - len(splits.query)


# ---- what is wrong


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda f: (f / "labels.npy").unlink(), "labels.npy or labels.csv.*There are none"),
        (lambda f: (f / "labels.csv").write_text("id,label"), "There are both"),
        (lambda f: np.save(f / "labels.npy", NUMBERS[1:]), "labels of all 40 rows.*Received: 39"),
        (lambda f: (f / "ids.txt").write_text("a\nb"), "ids of all 40 rows.*Received: 2"),
        (lambda f: np.save(f / "split.npy", PARTS[:3]), "parts of all 40 rows.*Received: 3"),
        (lambda f: np.save(f / "vectors.npy", VECTORS * np.nan), "40 of 40 rows hold NaN"),
        (
            lambda f: np.save(f / "vectors.npy", np.array([[1, "a"]], object), allow_pickle=True),
            "expected numbers or text. Received: object",
        ),
        (lambda f: (f / "vectors.npy").write_bytes(b"x" * 99), "no .npy header"),
        (lambda f: (f / "vectors.npy").unlink(), "can't be read"),
    ],
)
def test_a_bad_file_is_one_clear_line(change, words, tmp_path):
    path = write_npy(tmp_path)
    change(tmp_path)
    with pytest.raises(ValueError, match=words) as refusal:
        embeddings.load(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "lines, words",
    [
        (["id,class", "i0,1"], "columns id and label.*line 2 lacks one"),
        (["id,label"], "it has no rows"),
        (CSV[:-1], "1 ids have none, as 'i39'"),
        ([*CSV, CSV[1]], "some twice"),
    ],
)
def test_a_bad_csv_file_is_named(lines, words, tmp_path):
    path = write_csv(tmp_path, lines)
    with pytest.raises(ValueError, match=f"labels.csv.*{words}"):
        embeddings.load(path)


def test_other_files_and_columns_are_named(tmp_path):
    with pytest.raises(ValueError, match=".npy, .npz or .parquet.*x.txt"):
        embeddings.load(tmp_path / "x.txt")
    np.savez(tmp_path / "a.npz", vectors=VECTORS, classes=NUMBERS)
    with pytest.raises(ValueError, match="labels or label in .*It holds classes, vectors"):
        embeddings.load(tmp_path / "a.npz")
    rows = {"vector": [[1.0], [1.0, 2.0]], "label": [0, 1]}
    pyarrow.parquet.write_table(pyarrow.table(rows), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="a.parquet.*lists of one length"):
        embeddings.load(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(ValueError, match="Expected a .parquet file of vectors at .*b.parquet"):
        embeddings.load(tmp_path / "b.parquet")


def test_without_pyarrow_the_error_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ImportError, match="pip install pyarrow"):
        embedding_files.read(str(tmp_path / "a.parquet"))


def test_settings_of_vectors_and_of_images_are_kept_apart(tmp_path):
    path = f"embeddings:{write_npy(tmp_path)}"
    assert len(data.load(path, data_dir=".", split="query:8").query) == 8
    with pytest.raises(ValueError, match="`image_size` for images, not for embeddings"):
        data.load(path, data_dir=".", image_size=8)
    with pytest.raises(ValueError, match="`split` for embeddings:PATH only"):
        data.load("digits", data_dir=".", split="query:8")
    with pytest.raises(ValueError, match="--dataset=embeddings:x.npy"):
        data.resolve("x.npy", ".")
