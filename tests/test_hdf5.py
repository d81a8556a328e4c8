"""HDF5 files of weights: what Keras has written is read, and nothing outside of the file."""

import h5py
import numpy as np
import pytest

from tfhash import hdf5

KERNEL, BIAS = np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(3, np.float32)


def names(*words):
    return np.array([word.encode() for word in words])


@pytest.fixture
def file(tmp_path):
    """A file of one layer, open to be changed; and its path."""
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as made:
        made.attrs["layer_names"] = names("conv")
        made["conv/conv/kernel:0"] = KERNEL
        made["conv/conv/bias:0"] = BIAS
        made["conv"].attrs["weight_names"] = names("conv/kernel:0", "conv/bias:0")
        yield made, path


def refused(file, path, words):
    file.close()
    with pytest.raises(ValueError, match=words) as caught:
        hdf5.load(path)
    assert f"`{path}`" in str(caught.value)


def test_weights_come_in_the_order_of_the_file(file):
    file[0].close()
    (*kernel, array), (*bias, other) = hdf5.load(file[1])
    assert (kernel, bias) == (["conv", "conv/kernel:0"], ["conv", "conv/bias:0"])
    np.testing.assert_array_equal(array, KERNEL)
    np.testing.assert_array_equal(other, BIAS)


def test_names_may_be_divided_into_parts(file):
    """As Keras does where they take more than 64 KB."""
    made, path = file
    del made.attrs["layer_names"]
    made.attrs["layer_names0"], made.attrs["layer_names1"] = names("conv"), names("last")
    made.create_group("last").attrs["weight_names"] = names("scale:0")
    made["last/scale:0"] = BIAS
    made.close()
    assert [layer for layer, _, _ in hdf5.load(path)] == ["conv", "conv", "last"]


def test_a_whole_model_holds_them_in_a_group_of_its_own(file):
    made, path = file
    made.move("conv", "model_weights/conv")
    made["model_weights"].attrs["layer_names"] = made.attrs["layer_names"]
    del made.attrs["layer_names"]
    made.close()
    assert len(hdf5.load(path)) == 2


# ---- hostile and damaged files


@pytest.mark.parametrize(
    "link", [h5py.SoftLink("/conv/conv/kernel:0"), h5py.ExternalLink("other.h5", "/kernel")]
)
def test_a_link_is_not_followed(file, link):
    made, path = file
    with h5py.File(path.with_name("other.h5"), "w") as other:
        other["kernel"] = KERNEL
    del made["conv/conv/bias:0"]
    made["conv/conv/bias:0"] = link
    refused(made, path, "is a link")


def test_numbers_of_another_file_are_not_read(file):
    made, path = file
    secret = path.with_name("secret")
    secret.write_bytes(bytes(12))
    del made["conv/conv/bias:0"]
    made["conv"].create_dataset("conv/bias:0", (3,), np.float32, external=[(str(secret), 0, 12)])
    refused(made, path, "lie in another file")


def test_a_view_of_another_file_is_not_read(file):
    made, path = file
    layout = h5py.VirtualLayout((3,), np.float32)
    layout[:] = h5py.VirtualSource(str(path.with_name("other.h5")), "bias", (3,))
    del made["conv/conv/bias:0"]
    made["conv"].create_virtual_dataset("conv/bias:0", layout)
    refused(made, path, "lie in another file")


def test_a_small_file_does_not_become_a_huge_array(file):
    made, path = file
    options = {"chunks": (2**20,), "compression": "gzip"}
    made["conv"].create_dataset("huge:0", (2**32,), np.float32, **options)
    made["conv"].attrs["weight_names"] = names("huge:0")
    refused(made, path, "takes more than 768 MiB|allocate")


@pytest.mark.parametrize("value", [b"text", names("a", "b"), np.array([True])])
def test_what_is_no_number_is_refused(file, value):
    made, path = file
    del made["conv/conv/bias:0"]
    made["conv/conv/bias:0"] = value
    refused(made, path, "holds no numbers")


def test_a_weight_that_is_missing_is_refused(file):
    made, path = file
    del made["conv/conv/bias:0"]
    refused(made, path, "it has no 'conv/conv/bias:0'")


def test_another_layout_is_refused(file):
    made, path = file
    del made.attrs["layer_names"]
    refused(made, path, "as keras.applications publishes them.*it has no 'model_weights'")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(file, share):
    made, path = file
    made.close()
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refused(made, path, "Expected an .h5 file of weights")


def test_no_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="an .h5 file of weights at `.*none.h5`"):
        hdf5.load(tmp_path / "none.h5")
