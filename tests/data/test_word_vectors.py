import os
import struct

import numpy as np
import pytest

from tfhash.data import word_vectors

WORDS = {"cat": [1, 2, 3], "polar": [2, 0, 0], "bear": [4, 6, 8], "Rome": [5, 5, 5]}


def text_file(path, header=""):
    lines = [f"{word} {' '.join(map(str, values))}" for word, values in WORDS.items()]
    path.write_text(header + "\n".join(lines) + "\n")
    return path


def binary_file(path, newline=b"\n"):
    data = b"4 3\n"
    for word, values in WORDS.items():
        data += word.encode() + b" " + struct.pack("<3f", *values) + newline
    path.write_bytes(data)
    return path


FILES = {
    "glove": lambda folder: text_file(folder / "v.txt"),
    "word2vec": lambda folder: text_file(folder / "v.txt", "4 3\n"),
    "binary": lambda folder: binary_file(folder / "v.bin"),
    "gensim": lambda folder: binary_file(folder / "v.bin", b""),
}


@pytest.mark.parametrize("kind", FILES)
def test_names_get_their_vectors_and_several_words_the_mean(kind, tmp_path):
    names = ["polar_bear", "cat", "Polar Bear", "Rome", "Cat"]
    found = word_vectors.of_names(FILES[kind](tmp_path), names, dim=3)
    assert found.dtype == np.float32
    expected = [[3, 3, 4], [1, 2, 3], [3, 3, 4], [5, 5, 5], [1, 2, 3]]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", FILES)
def test_words_that_are_missing_are_named(kind, tmp_path):
    with pytest.raises(ValueError, match="has no vector of dog, rome. Give other words"):
        word_vectors.of_names(FILES[kind](tmp_path), ["cat", "dog", "rome"], dim=3)


@pytest.mark.parametrize("kind", FILES)
def test_another_width_is_named(kind, tmp_path):
    with pytest.raises(ValueError, match="output_dim=4"):
        word_vectors.of_names(FILES[kind](tmp_path), ["cat"], dim=4)


def test_a_word_with_spaces_is_read_whole(tmp_path):
    (tmp_path / "v.txt").write_text(". . 7 8 9\ncat 1 2 3\n")
    found = word_vectors.of_names(tmp_path / "v.txt", ["cat"], dim=3)
    np.testing.assert_array_equal(found, [[1, 2, 3]])


def test_a_truncated_binary_file_is_named(tmp_path):
    path = binary_file(tmp_path / "v.bin")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="v.bin` ends after 3 of 4"):
        word_vectors.of_names(path, ["dog"], dim=3)


@pytest.mark.parametrize("name", ["v.bin", "v.txt"])
@pytest.mark.parametrize("content", [b"", b"\0\1\2 \3\n\n", b"one two\n"])
def test_a_file_of_something_else_is_an_error(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match="v\\."):
        word_vectors.of_names(tmp_path / name, ["cat"], dim=3)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="nowhere.txt"):
        word_vectors.of_names(tmp_path / "nowhere.txt", ["cat"], dim=3)


def test_a_name_without_a_word_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="Expected names of words. Received: '_'"):
        word_vectors.of_names(text_file(tmp_path / "v.txt"), ["cat", "_"], dim=3)


def test_a_zero_vector_has_no_direction(tmp_path):
    (tmp_path / "v.txt").write_text("cat 0 0 0\n")
    with pytest.raises(ValueError, match="not zero"):
        word_vectors.of_names(tmp_path / "v.txt", ["cat"], dim=3)


def test_a_table_is_read(tmp_path):
    np.savetxt(tmp_path / "t.txt", np.arange(1, 7).reshape(2, 3))
    found = word_vectors.read_table(tmp_path / "t.txt", classes=2, dim=3)
    np.testing.assert_array_equal(found, [[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize(
    "text, words",
    [
        ("1 2 3\n", "Received: 1 rows of 3"),
        ("1 2\n3 4\n", "Received: 2 rows of 2"),
        ("1 2 3 4\n5 6 7 8\n", "Received: 2 rows of 4"),
        ("1 2 3\n4 5\n", "Received: 2 rows of 2 or 3"),
        ("", "Received: 0 rows of no"),
        ("1 2 x\n3 4 5\n", "not a table"),
        ("1 2 nan\n3 4 5\n", "finite"),
    ],
)
def test_another_table_is_an_error(text, words, tmp_path):
    (tmp_path / "t.txt").write_text(text)
    with pytest.raises(ValueError, match=words):
        word_vectors.read_table(tmp_path / "t.txt", classes=2, dim=3)


def test_names_come_from_a_file_or_from_a_list(tmp_path):
    (tmp_path / "names").write_text("cat\n\npolar bear\n")
    assert word_vectors.names_of(str(tmp_path / "names")) == ["cat", "polar bear"]
    assert word_vectors.names_of("cat, polar bear") == ["cat", "polar bear"]


@pytest.mark.parametrize("classes, dim", [(10, 64), (10, 11), (1, 2)])
def test_orthogonal_vectors_are_orthonormal(classes, dim):
    vectors = word_vectors.orthogonal(classes, dim)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(classes), atol=1e-6)


def test_more_classes_than_dimensions_have_no_orthogonal_vectors():
    with pytest.raises(ValueError, match="--output_dim=11 or more"):
        word_vectors.orthogonal(10, 10)


@pytest.mark.parametrize("name", ["v.txt", "v.bin"])
def test_a_width_of_thousands_of_digits_is_refused(tmp_path, name):
    digits = b"1" * (90 if name == "v.bin" else 5000)
    (tmp_path / name).write_bytes(b"3 " + digits + b"\n")
    with pytest.raises(ValueError, match=f"{name}` (has word vectors|is not a binary file)"):
        word_vectors.of_names(tmp_path / name, ["cat"], dim=4)


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for read in (
        lambda path: word_vectors.read_table(path, classes=2, dim=3),
        lambda path: word_vectors.of_names(path, ["cat"], dim=3),
    ):
        with pytest.raises(ValueError, match="pipe`. It is a pipe"):
            read(tmp_path / "pipe")
