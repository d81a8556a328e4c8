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
