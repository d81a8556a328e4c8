"""HashNet reads PyTorch's files and Keras' weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import golden
from tfhash import checks
from tfhash.data import augment
from tfhash.methods import hashnet
from tfhash.originals import readers
from tfhash.originals.readers import keras_weights


def method(**changes):
    config = {"img_model": "ResNet18", "bits": 48, "crop_size": 64, "resize_size": 0} | changes
    return hashnet.Method(hashnet.Config(**config), num_classes=3)


class Pickled:
    """Writes .pth files without PyTorch: `{name: array}` in the zip format."""

    def __init__(self, arrays):
        import io
        import pickle
        import zipfile

        class Storage:
            pass

        class Writer(pickle._Pickler):
            def persistent_id(self, value):
                return value.identity if isinstance(value, Storage) else None

            def save_global(self, value, name=None):
                module, name = value.where
                self.write(f"c{module}\n{name}\n".encode())

        class Named:
            def __init__(self, module, name):
                self.where = module, name

        Writer.dispatch = dict(pickle._Pickler.dispatch)
        Writer.dispatch[Named] = Writer.save_global
        rebuild, kind = Named("torch._utils", "_rebuild_tensor_v2"), Named("torch", "FloatStorage")

        class Tensor:
            def __init__(self, key, array):
                self.storage = Storage()
                self.storage.identity = ("storage", kind, key, "cpu", array.size)
                self.array = array

        def save_tensor(writer, value):
            steps = tuple(step // 4 for step in value.array.strides)
            writer.save(rebuild)
            writer.save((value.storage, 0, value.array.shape, steps, False, {}))
            writer.write(pickle.REDUCE)

        Writer.dispatch[Tensor] = save_tensor
        stream = io.BytesIO()
        tensors = {name: Tensor(str(n), a) for n, (name, a) in enumerate(arrays.items())}
        Writer(stream, protocol=2).dump(tensors)
        self.stream = io.BytesIO()
        with zipfile.ZipFile(self.stream, "w") as archive:
            archive.writestr("w/data.pkl", stream.getvalue())
            for tensor, array in zip(tensors.values(), arrays.values()):
                archive.writestr(f"w/data/{tensor.storage.identity[2]}", array.tobytes())

    def write(self, path):
        path.write_bytes(self.stream.getvalue())
        return path


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A torchvision file of ResNet18 with its ImageNet head, and its arrays."""
    arrays = golden.weights("hashnet").build("resnet18", 7, 4)
    del arrays["hash_layer.weight"], arrays["hash_layer.bias"]
    arrays["fc.weight"], arrays["fc.bias"] = np.ones((5, 512), "f4"), np.ones(5, "f4")
    return Pickled(arrays).write(tmp_path_factory.mktemp("pth") / "resnet18.pth"), arrays


def test_a_published_file_is_read_but_for_its_head(published):
    path, arrays = published
    built = method(bits=4)
    last = built.variables()["hash_layer/kernel"].numpy()
    lines = built.load_original(path)
    assert "100 variables read; the last layer is new" in lines[0]
    found = built.variables()
    np.testing.assert_array_equal(found["hash_layer/kernel"], last)
    expected = arrays["layer2.0.downsample.0.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(found["layer2.0.downsample.0/kernel"], expected)


def test_a_file_of_another_network_is_refused_and_nothing_assigned(published):
    built = method(img_model="ResNet34", bits=4)
    before = built.variables()["conv1/kernel"].numpy()
    with pytest.raises(ValueError, match=r"another network.*layer1.2.conv1.weight"):
        built.load_original(published[0])
    np.testing.assert_array_equal(built.variables()["conv1/kernel"], before)


def test_a_file_with_a_layer_of_another_shape_is_refused(published, tmp_path):
    arrays = published[1] | {"conv1.weight": np.zeros((64, 3, 3, 3), "f4")}
    path = Pickled(arrays).write(tmp_path / "w.pth")
    with pytest.raises(ValueError, match=r"conv1/kernel.*\(3, 3, 3, 64\).*\(7, 7, 3, 64\)"):
        method(bits=4).load_original(path)


def test_a_snapshot_tells_its_network_and_length(published, tmp_path):
    arrays = published[1] | {"hash_layer.weight": np.zeros((12, 512), "f4"),
                             "hash_layer.bias": np.zeros(12, "f4")}  # fmt: skip
    path = Pickled({f"0.{name}": array for name, array in arrays.items()}).write(tmp_path / "s.tar")
    shapes = readers.shapes(path)
    assert hashnet.Method.recognizes(shapes)
    config, _ = hashnet.Method.original_config(hashnet.Config(), shapes)
    assert (config.img_model, config.bits) == ("ResNet18", 12)


def test_keras_weights_of_a_vgg_give_what_keras_gives():
    """Inside of the borders, where padding differs: features of its first block."""
    keras.utils.set_random_seed(0)
    model = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    arrays = {v.path: v.numpy() for v in model.variables}
    arrays |= {"fc1/kernel": np.zeros((25088, 1), "f4"), "fc1/bias": np.zeros(1, "f4"),
               "fc2/kernel": np.zeros((1, 1), "f4"), "fc2/bias": np.zeros(1, "f4")}  # fmt: skip
    found = keras_weights.convert("VGG16", arrays)
    pixels = golden.seeded.images(1, 2, 32, 32)
    bgr = keras.applications.vgg16.preprocess_input(pixels.astype(np.float32))
    expected = keras.Model(model.input, model.get_layer("block1_conv1").output)(bgr)
    ours = augment.normalize(pixels, hashnet.CHANNEL_MEAN, hashnet.CHANNEL_STD)
    ours = tf.nn.conv2d(ours, found["features.0/kernel"], 1, "SAME")
    ours = tf.nn.relu(ours + found["features.0/bias"])
    np.testing.assert_allclose(ours[:, 1:-1, 1:-1], expected[:, 1:-1, 1:-1], atol=1e-3, rtol=1e-3)
    np.testing.assert_array_equal(found["features.28/kernel"], arrays["block5_conv3/kernel"])


def test_keras_weights_of_a_resnet_fill_the_network():
    keras.utils.set_random_seed(0)
    model = keras.applications.ResNet50(weights=None, include_top=False)
    found = keras_weights.convert("ResNet50", {v.path: v.numpy() for v in model.variables})
    built = method(img_model="ResNet50")
    variables = built._file_variables()
    checks.assign(variables, found, "keras")
    assert set(variables) - set(found) == {"hash_layer/kernel", "hash_layer/bias"}


def test_a_network_that_keras_has_not_is_refused():
    with pytest.raises(ValueError, match="VGG16.*Received: ResNet18"):
        method().load_original("keras")


def test_weights_that_can_not_be_downloaded_are_refused(monkeypatch):
    def fail(**_):
        raise Exception("URL fetch failure")  # what Keras raises

    monkeypatch.setattr(keras.applications, "ResNet50", fail)
    with pytest.raises(ValueError, match="ResNet50 can't be downloaded: URL fetch failure"):
        keras_weights.load("ResNet50")
