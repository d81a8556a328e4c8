"""Files of GPQ: an excerpt of its ImageNet weights, and TF1 checkpoints."""

import numpy as np
import pytest
import scipy.io
import tensorflow as tf

from tests import golden
from tfhash import originals
from tfhash.methods import gpq
from tfhash.originals import gpq as original
from tfhash.originals import readers
from tfhash.originals.readers import tf1
from tfhash.training import runs


@pytest.fixture
def recipe():
    return gpq.Method(gpq.Config(), num_classes=10)


# ---- weights of ImageNet


def test_the_excerpt_of_the_pretrained_weights_is_read_by_name(recipe):
    before = recipe.variables()["conv2d_2/kernel"].numpy()
    lines = originals.read(recipe, golden.ROOT / "gpq" / "ImageNet_pretrained_excerpt.mat")
    arrays = golden.weights("gpq").build(160)
    for name in ("conv2d/kernel", "conv2d_1/bias", "batch0/gamma", "batch0-1/beta"):
        expected = arrays[f"Fixed_VGG/{name}:0"]
        np.testing.assert_array_equal(recipe.variables()[name], expected)
    np.testing.assert_array_equal(recipe.variables()["conv2d_2/kernel"], before)
    assert "8 of 40 variables read" in lines[0]
    assert any("missing: Fixed_VGG/batch1-1/beta" in line for line in lines)


def test_unexpected_names_of_a_mat_file_are_reported(recipe, tmp_path):
    arrays = {"Fixed_VGG/conv2d/bias:0": np.ones((1, 64)), "Fixed_VGG/other:0": np.ones(3)}
    scipy.io.savemat(tmp_path / "w.mat", arrays)
    lines = originals.read(recipe, tmp_path / "w.mat")
    assert any("unexpected: Fixed_VGG/other" in line for line in lines)


def test_a_mat_file_of_another_shape_is_refused_and_nothing_assigned(recipe, tmp_path):
    arrays = {"Fixed_VGG/conv2d/bias:0": np.ones(64), "Fixed_VGG/batch0/beta:0": np.ones(65)}
    scipy.io.savemat(tmp_path / "w.mat", arrays)
    with pytest.raises(ValueError, match=r"batch0/beta'.*\(65,\).*\(64,\)"):
        originals.read(recipe, tmp_path / "w.mat")
    np.testing.assert_array_equal(recipe.variables()["conv2d/bias"], np.zeros(64))


@pytest.mark.parametrize("content", [b"", b"no MATLAB file", b"MATLAB 5.0 MAT-file" + b"\0" * 200])
def test_a_file_that_is_no_mat_file_is_named(recipe, tmp_path, content):
    (tmp_path / "w.mat").write_bytes(content)
    with pytest.raises(ValueError, match="w.mat"):
        originals.read(recipe, tmp_path / "w.mat")


# ---- TF1 checkpoints


def checkpoint(tmp_path, arrays):
    """Writes a TF1 checkpoint: {name: array} as `tf.train.Saver` names them."""
    tf1.write(tmp_path / "x.ckpt", arrays)
    return tmp_path / "x.ckpt"


def golden_variables():
    return {n.removesuffix(":0"): a for n, a in golden.weights("gpq").build(150).items()}


def test_a_checkpoint_with_adams_slots_is_read(recipe, tmp_path):
    arrays = golden_variables()
    more = {"Z/Adam": arrays["Z"], "beta1_power": np.float32(0.5), "is_training": np.bool_(True)}
    lines = originals.read(recipe, checkpoint(tmp_path, arrays | more))
    assert lines == [f"{tmp_path / 'x.ckpt'}: 84 of 84 variables read"]
    for name, variable in recipe.variables().items():
        np.testing.assert_array_equal(variable, arrays[original.original_name(name)])


def test_a_checkpoint_that_lacks_a_variable_is_refused(recipe, tmp_path):
    arrays = golden_variables()
    del arrays["Fixed_VGG/dense/bias"]
    with pytest.raises(ValueError, match="Fixed_VGG/dense/bias.*missing"):
        originals.read(recipe, checkpoint(tmp_path, arrays))


def test_a_checkpoint_of_another_shape_is_refused(recipe, tmp_path):
    arrays = golden_variables() | {"C": np.zeros((7, 144), np.float32)}
    with pytest.raises(ValueError, match=r"'C' has shape \(7, 144\).*\(10, 144\)"):
        originals.read(recipe, checkpoint(tmp_path, arrays))


def test_a_truncated_checkpoint_is_named(recipe, tmp_path):
    prefix = checkpoint(tmp_path, golden_variables())
    data = tmp_path / "x.ckpt.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:1000])
    with pytest.raises(ValueError, match="x.ckpt. is not a complete TF1 checkpoint"):
        originals.read(recipe, prefix)


@pytest.mark.parametrize("part", ["x.ckpt.index", "x.ckpt.data-00000-of-00001"])
def test_a_pointer_in_place_of_a_part_of_a_checkpoint_is_named(recipe, tmp_path, part):
    prefix = checkpoint(tmp_path, {"Z": np.zeros(3, np.float32)})
    (tmp_path / part).write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ValueError, match=f"{part}`. It is a Git LFS pointer"):
        originals.read(recipe, prefix)


# ---- checkpoints for the original


def described(prefix):
    """`{variable: (shape, dtype)}` of a checkpoint, as TensorFlow reads it."""
    reader = tf.train.load_checkpoint(str(prefix))
    dtypes = reader.get_variable_to_dtype_map()
    shapes = reader.get_variable_to_shape_map().items()
    return {name: (tuple(shape), dtypes[name]) for name, shape in shapes}


def test_what_is_written_has_the_variables_of_the_originals_checkpoint(recipe, tmp_path):
    """Demo.py restores all variables of its graph, and takes no other shape or type."""
    originals.write(recipe, tmp_path / "x.ckpt")
    prefix = golden.shared("golden/gpq/48bits_example.ckpt")
    assert described(tmp_path / "x.ckpt") == described(prefix)


def test_a_checkpoint_that_is_written_is_opened_for_a_test(recipe, tmp_path):
    for name, variable in recipe.variables().items():
        variable.assign(golden_variables()[original.original_name(name)])
    originals.write(recipe, tmp_path / "20.ckpt")
    path = str(tmp_path / "20.ckpt")
    model = runs.open_original(path, readers.shapes(path))
    assert (model.method, model.config.bits, len(model.classes)) == ("gpq", 48, 10)
    for name, variable in model.recipe.variables().items():
        np.testing.assert_array_equal(variable, recipe.variables()[name])


def test_a_checkpoint_is_named_as_the_newest_of_its_folder(tmp_path):
    for name in ("20.ckpt", "40.ckpt"):
        tf1.write(tmp_path / "models" / name, {"a": np.zeros(2, np.float32)})
        newest = tf.train.latest_checkpoint(str(tmp_path / "models"))
        assert newest == str(tmp_path / "models" / name)


def test_after_an_error_the_checkpoint_before_is_whole(tmp_path, monkeypatch):
    tf1.write(tmp_path / "x.ckpt", {"a": np.ones(2, np.float32)})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def fail(prefix, **_):
        with open(f"{prefix}{tf1.DATA}", "w") as file:
            file.write("a part")
        raise OSError("No space left on device")

    monkeypatch.setattr(tf.raw_ops, "SaveV2", fail)
    with pytest.raises(OSError, match="No space"):
        tf1.write(tmp_path / "x.ckpt", {"a": np.zeros(2, np.float32)})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
