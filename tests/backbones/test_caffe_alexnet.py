import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import golden
from tfhash import checks
from tfhash.backbones import caffe_alexnet

NAMES = ("conv1", "pool1", "lrn1", "conv2", "pool2", "lrn2", "conv3", "conv4", "conv5", "pool5",
         "fc6", "fc7", "fc8")  # fmt: skip


@functools.cache
def network(*gains):
    """The network with golden weights; `gains` are pairs of a layer and a factor."""
    net = caffe_alexnet.build(48)
    arrays = golden.weights("deephash").alexnet(405, 48, gains=dict(gains))
    arrays = {
        f"{name}/{leaf}": array
        for name, both in arrays.items()
        for leaf, array in zip(("kernel", "bias"), both)
    }
    checks.assign({v.path: v for v in net.variables}, arrays, "golden")
    outputs = [net.get_layer(name).output for name in NAMES]
    return keras.Model(net.input, dict(zip(NAMES, outputs)))


def pixels():
    """Golden images, RGB less their mean."""
    rgb = golden.seeded.images(401, 3, 256, 256)[..., ::-1].astype(np.float32)
    return rgb - np.array(caffe_alexnet.MEAN, np.float32)


def ten_crops():
    """`[30, 227, 227, 3]`, crop by crop: five mirrored, and the same five plain."""
    places = [(0, 0), (28, 0), (0, 28), (28, 28), (14, 14)]
    return np.concatenate(
        [
            source[:, row : row + 227, column : column + 227]
            for source in (pixels()[:, :, ::-1], pixels())
            for row, column in places
        ]
    )


def assert_layers_equal(found, case):
    for name in NAMES[:-1]:
        array = found[name].numpy()
        mean, std, largest = case[f"out_{name}_stats"]
        places = np.linspace(0, array[0].size - 1, 512).astype(int)
        np.testing.assert_allclose(
            array[0].ravel()[places], case[f"out_{name}_sample"], rtol=1e-3, atol=1e-3 * std
        )
        np.testing.assert_allclose([array.mean(), array.std(), array.max()], [mean, std, largest],
                                   rtol=1e-3)  # fmt: skip


def assert_outputs_equal(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * expected.std())


def test_every_layer_in_training_equals_the_original():
    """The golden numbers are without dropout, and of the crop in the corner."""
    case = golden.case("deephash/alexnet_train")
    found = network(("fc8", 0.02))(pixels()[:, :227, :227], training=False)
    assert_layers_equal(found, case)
    assert_outputs_equal(found["fc7"], case["out_fc7"])
    assert_outputs_equal(found["fc8"], case["out_fc8"])
    assert_outputs_equal(np.tanh(found["fc8"]), case["out_output"])


@pytest.fixture(scope="module")
def evaluated():
    return network()(ten_crops(), training=False)


def test_every_layer_of_ten_crops_equals_the_original(evaluated):
    case = golden.case("deephash/alexnet_val_raw")
    assert_layers_equal(evaluated, case)
    np.testing.assert_allclose(evaluated["fc7"][::3], case["out_fc7_image0"], rtol=1e-3, atol=1e-2)


def test_the_outputs_of_ten_crops_equal_the_original(evaluated):
    found = evaluated["fc8"].numpy().reshape(10, 3, 48)
    raw = golden.case("deephash/alexnet_val_raw")
    assert_outputs_equal(found, raw["out_fc8_per_crop"])
    assert_outputs_equal(found.mean(axis=0), raw["out_output"])
    tanh = golden.case("deephash/alexnet_val_tanh_saturated")
    assert_outputs_equal(np.tanh(found).mean(axis=0), tanh["out_output"])


def test_the_tanh_of_ten_crops_equals_the_original(evaluated):
    """The golden weights of fc8 are 0.02 times those of the other cases, the bias is the same."""
    case = golden.case("deephash/alexnet_val_tanh")
    bias = golden.weights("deephash").alexnet(405, 48)["fc8"][1]
    found = (0.02 * (evaluated["fc8"] - bias) + bias).numpy().reshape(10, 3, 48)
    np.testing.assert_allclose(found, case["out_fc8_per_crop"], rtol=1e-3, atol=1e-3)
    assert_outputs_equal(np.tanh(found).mean(axis=0), case["out_output"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_local_response_normalization_equals_tensorflow_and_its_gradient(dtype):
    x = tf.Variable(golden.seeded.embeddings(1, 6, 11, scale=100).reshape(1, 2, 3, 11))
    layer = caffe_alexnet.LocalResponseNormalization(alpha=1e-3, dtype=dtype)
    weights = tf.constant(golden.seeded.embeddings(2, 6, 11).reshape(1, 2, 3, 11))
    results = []
    for function in (
        lambda x: tf.cast(layer(tf.cast(x, dtype)), tf.float32),
        lambda x: tf.nn.local_response_normalization(x, 2, 1.0, 1e-3, 0.75),
    ):
        with tf.GradientTape() as tape:
            y = function(x)
            loss = tf.reduce_sum(y * weights)
        results.append((y, tape.gradient(loss, x)))
    for found, expected in zip(*results):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_groups_see_only_their_own_channels():
    layer = caffe_alexnet.GroupedConv2D(6, 3, groups=2)
    x = golden.seeded.embeddings(3, 8, 8).reshape(1, 4, 4, 4)
    layer.build(x.shape)
    layer.bias.assign(np.full(6, 100.0))  # above ReLU's corner
    changed = x.copy()
    changed[..., :2] += 1
    one, other = layer(x).numpy(), layer(changed).numpy()
    np.testing.assert_array_equal(one[..., 3:], other[..., 3:])
    assert np.abs(one[..., :3] - other[..., :3]).min() > 0


def test_grouped_convolutions_equal_those_of_keras():
    layer = caffe_alexnet.GroupedConv2D(6, 3, groups=2)
    keras_layer = keras.layers.Conv2D(6, 3, groups=2, padding="same", activation="relu")
    x = golden.seeded.embeddings(3, 32, 4).reshape(2, 4, 4, 4)
    for one in (layer, keras_layer):
        one.build(x.shape)
    keras_layer.set_weights([golden.seeded.embeddings(4, 18, 6).reshape(3, 3, 2, 6), np.arange(6)])
    layer.set_weights(keras_layer.get_weights())
    np.testing.assert_allclose(layer(x), keras_layer(x), rtol=1e-5, atol=1e-5)


def test_the_order_of_pooling_and_normalization_can_be_changed():
    images = keras.Input((227, 227, 3))
    tensor = caffe_alexnet.features(images, order="lrn_pool")
    names = [layer.name for layer in keras.Model(images, tensor).layers]
    assert names.index("lrn1") < names.index("pool1")
    assert tuple(tensor.shape) == (None, 4096)


def test_an_unknown_order_is_refused():
    with pytest.raises(ValueError, match="`order`.*Received: 'pool'"):
        caffe_alexnet.features(keras.Input((227, 227, 3)), order="pool")


def test_mixed_precision_keeps_the_last_layer_in_float32():
    net = caffe_alexnet.build(4, dtype="mixed_bfloat16")
    outputs = net(pixels()[:1, :227, :227])
    assert outputs.dtype == tf.float32 and np.isfinite(outputs).all()
