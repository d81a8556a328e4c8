import numpy as np
import pytest
import scipy.io
import scipy.sparse

from tfhash.retrieval import relevance

MATRIX = np.array([[1, 0, 1], [0, 0, 1]])


@pytest.mark.parametrize("sparse", [False, True])
def test_a_matrix_comes_from_a_mat_file(tmp_path, sparse):
    stored = scipy.sparse.csc_matrix(MATRIX) if sparse else MATRIX
    scipy.io.savemat(tmp_path / "s.mat", {"label_Similarity": stored})
    np.testing.assert_array_equal(relevance.read_matrix(tmp_path / "s.mat"), MATRIX)


def test_a_matrix_comes_from_an_npy_file(tmp_path):
    np.save(tmp_path / "s.npy", MATRIX)
    np.testing.assert_array_equal(relevance.read_matrix(tmp_path / "s.npy"), MATRIX)


@pytest.mark.parametrize("name", ["s.npy", "s.mat"])
def test_a_file_that_is_no_matrix_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=name):
        relevance.read_matrix(tmp_path / name)
    with pytest.raises(ValueError, match="gone"):
        relevance.read_matrix(tmp_path / "gone" / name)


def damaged(path, **parts):
    """Writes a sparse matrix, and then other values of its parts into the file.

    SciPy itself would end the process, asked to write such a matrix.
    """
    matrix = scipy.sparse.csc_matrix(MATRIX.astype(float))
    scipy.io.savemat(path, {"s": matrix})
    content = path.read_bytes()
    for name, value in parts.items():
        before = np.asarray(getattr(matrix, name), np.int32).tobytes()
        assert content.count(before) == 1
        after = np.resize(np.asarray(value, np.int32), len(before) // 4)
        content = content.replace(before, after.tobytes())
    path.write_bytes(content)


@pytest.mark.parametrize(
    "parts",
    [
        {"indices": [2**30, 0, 1]},
        {"indices": [-(2**30), 0, 1]},
        {"indptr": [0, 2**30, 0, 3]},
        {"indptr": [0, 1, -5, 3]},
    ],
    ids=["rows outside", "rows below 0", "columns outside", "columns that fall"],
)
def test_a_damaged_sparse_matrix_is_refused(tmp_path, parts):
    """SciPy would write to where the indices say: this ended the process."""
    damaged(tmp_path / "s.mat", **parts)
    with pytest.raises(ValueError, match="s.mat`.*(damaged|complete MATLAB 5 file)"):
        relevance.read_matrix(tmp_path / "s.mat")


def test_a_sparse_matrix_of_too_many_pairs_is_refused(tmp_path):
    matrix = scipy.sparse.csc_matrix(([1.0], ([0], [0])), shape=(2**30, 2))
    scipy.io.savemat(tmp_path / "s.mat", {"s": matrix})
    with pytest.raises(
        ValueError, match=r"up to 1000000000 pairs in .*s.mat`. .*\[1073741824, 2\]"
    ):
        relevance.read_matrix(tmp_path / "s.mat")


@pytest.mark.parametrize("matrix", [MATRIX * 0.5, MATRIX * 256, MATRIX * 2.0])
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csc_matrix])
def test_a_file_of_other_values_is_refused(tmp_path, matrix, form):
    """Not cut to bytes first, of which a half and 256 are zeros."""
    scipy.io.savemat(tmp_path / "s.mat", {"s": form(matrix)})
    with pytest.raises(ValueError, match="s.mat` of zeros and ones"):
        relevance.read_matrix(tmp_path / "s.mat")


@pytest.mark.parametrize("value", ["text", np.array([[{}]], object), np.zeros((2, 2), complex)])
def test_an_array_of_something_else_is_refused(tmp_path, value):
    scipy.io.savemat(tmp_path / "s.mat", {"s": value})
    with pytest.raises(ValueError, match="s.mat` of two dimensions, of numbers"):
        relevance.read_matrix(tmp_path / "s.mat")


def test_values_other_than_zeros_and_ones_are_refused():
    with pytest.raises(ValueError, match="`labels` of zeros and ones.*0 to 2"):
        relevance.Relevance(MATRIX, 2 * MATRIX)


def test_labels_of_another_number_of_classes_are_refused():
    with pytest.raises(ValueError, match="3 and 2"):
        relevance.Relevance(MATRIX, MATRIX[:, :2])


@pytest.mark.parametrize("classes", [1, 8, 9, 40, 81])
def test_items_are_relevant_that_share_a_label(classes):
    rng = np.random.default_rng(0)
    one, other = (rng.random((n, classes)) < 0.2 for n in (6, 50))
    found = relevance.Relevance(one, other)
    expected = one.astype(int) @ other.T > 0
    np.testing.assert_array_equal([found.row(query) for query in range(6)], expected)
    np.testing.assert_array_equal(found.totals(), expected.sum(axis=1))
