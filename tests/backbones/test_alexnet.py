import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import examples, golden
from tfhash import backbones, checks
from tfhash.backbones import alexnet
from tfhash.backbones.layers import caffe_layers
from tfhash.methods import _deephash

OTHERS = ("conv1", "pool1", "lrn1", "conv2", "pool2", "lrn2", "conv3", "conv4", "conv5", "pool5")
NAMES = (*OTHERS, "fc6", "fc7", "fc8")


@functools.cache
def network(*gains):
    """The network with golden weights; `gains` are pairs of a layer and a factor."""
    net = examples.network("alexnet", 48)
    layers = golden.weights("deephash").alexnet(405, 48, gains=dict(gains))
    arrays = {f"{name}/kernel": kernel for name, (kernel, _) in layers.items()}
    arrays |= {f"{name}/bias": bias for name, (_, bias) in layers.items()}
    checks.assign({v.path: v for v in net.variables}, arrays, "golden")
    outputs = [net.get_layer(name).output for name in NAMES]
    return keras.Model(net.input, dict(zip(NAMES, outputs)))


def prepared():
    """Golden images as the network takes them."""
    bgr = golden.seeded.images(401, 3, 256, 256)
    return backbones.load("alexnet").pixels.normalize(bgr[..., ::-1]).numpy()


def ten_crops():
    """`[30, 227, 227, 3]`, crop by crop: five mirrored, and the same five plain."""
    return np.concatenate(_deephash.ten_crops(prepared(), side=227))


def assert_layers_equal(outputs, case):
    for name in NAMES[:-1]:
        array, first = outputs[name].numpy(), outputs[name][0].numpy().ravel()
        mean, std, largest = case[f"out_{name}_stats"]
        sample = first[np.linspace(0, first.size - 1, 512).astype(int)]
        near = {"rtol": 1e-3, "atol": 1e-3 * std}
        np.testing.assert_allclose(sample, case[f"out_{name}_sample"], **near)
        stats = [array.mean(), array.std(), array.max()]
        np.testing.assert_allclose(stats, [mean, std, largest], rtol=1e-3)


def assert_outputs_equal(outputs, expected):
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-4 * expected.std())


def test_every_layer_in_training_equals_the_original():
    """The golden numbers are without dropout, and of the crop in the corner."""
    case = golden.case("deephash/alexnet_train")
    outputs = network(("fc8", 0.02))(prepared()[:, :227, :227], training=False)
    assert_layers_equal(outputs, case)
    assert_outputs_equal(outputs["fc7"], case["out_fc7"])
    assert_outputs_equal(outputs["fc8"], case["out_fc8"])
    assert_outputs_equal(np.tanh(outputs["fc8"]), case["out_output"])


@pytest.fixture(scope="module")
def evaluated():
    return network()(ten_crops(), training=False)


def test_every_layer_of_ten_crops_equals_the_original(evaluated):
    case = golden.case("deephash/alexnet_val_raw")
    assert_layers_equal(evaluated, case)
    np.testing.assert_allclose(evaluated["fc7"][::3], case["out_fc7_image0"], rtol=1e-3, atol=1e-2)


def test_the_outputs_of_ten_crops_equal_the_original(evaluated):
    by_crop = evaluated["fc8"].numpy().reshape(10, 3, 48)
    raw = golden.case("deephash/alexnet_val_raw")
    assert_outputs_equal(by_crop, raw["out_fc8_per_crop"])
    assert_outputs_equal(by_crop.mean(axis=0), raw["out_output"])
    tanh = golden.case("deephash/alexnet_val_tanh_saturated")
    assert_outputs_equal(np.tanh(by_crop).mean(axis=0), tanh["out_output"])


def test_the_tanh_of_ten_crops_equals_the_original(evaluated):
    """The golden weights of fc8 are 0.02 times those of the other cases, the bias is the same."""
    case = golden.case("deephash/alexnet_val_tanh")
    bias = golden.weights("deephash").alexnet(405, 48)["fc8"][1]
    by_crop = (0.02 * (evaluated["fc8"] - bias) + bias).numpy().reshape(10, 3, 48)
    np.testing.assert_allclose(by_crop, case["out_fc8_per_crop"], rtol=1e-3, atol=1e-3)
    assert_outputs_equal(np.tanh(by_crop).mean(axis=0), case["out_output"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_local_response_normalization_equals_tensorflow_and_its_gradient(dtype):
    x = tf.Variable(golden.seeded.embeddings(1, 6, 11, scale=100).reshape(1, 2, 3, 11))
    layer = caffe_layers.LocalResponseNormalization(alpha=1e-3, dtype=dtype)
    weights = tf.constant(golden.seeded.embeddings(2, 6, 11).reshape(1, 2, 3, 11))

    def value_and_gradient(function):
        with tf.GradientTape() as tape:
            value = function(x)
            loss = tf.reduce_sum(value * weights)
        return value, tape.gradient(loss, x)

    own = value_and_gradient(lambda x: tf.cast(layer(tf.cast(x, dtype)), tf.float32))
    given = {"depth_radius": 2, "bias": 1.0, "alpha": 1e-3, "beta": 0.75}
    known = value_and_gradient(lambda x: tf.nn.local_response_normalization(x, **given))
    for one, expected in zip(own, known):
        np.testing.assert_allclose(one, expected, rtol=1e-5, atol=1e-6)


def test_groups_see_only_their_own_channels():
    layer = caffe_layers.GroupedConv2D(6, 3, groups=2)
    x = golden.seeded.embeddings(3, 8, 8).reshape(1, 4, 4, 4)
    layer.build(x.shape)
    layer.bias.assign(np.full(6, 100.0))  # above ReLU's corner
    changed = x.copy()
    changed[..., :2] += 1
    one, other = layer(x).numpy(), layer(changed).numpy()
    np.testing.assert_array_equal(one[..., 3:], other[..., 3:])
    assert np.abs(one[..., :3] - other[..., :3]).min() > 0


def test_grouped_convolutions_equal_those_of_keras():
    layer = caffe_layers.GroupedConv2D(6, 3, groups=2)
    keras_layer = keras.layers.Conv2D(6, 3, groups=2, padding="same", activation="relu")
    x = golden.seeded.embeddings(3, 32, 4).reshape(2, 4, 4, 4)
    for one in (layer, keras_layer):
        one.build(x.shape)
    keras_layer.set_weights([golden.seeded.embeddings(4, 18, 6).reshape(3, 3, 2, 6), np.arange(6)])
    layer.set_weights(keras_layer.get_weights())
    np.testing.assert_allclose(layer(x), keras_layer(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name, first", [("alexnet", "pool1"), ("bvlc_alexnet", "lrn1")])
def test_the_two_alexnets_differ_in_what_comes_before_the_other(name, first):
    layers = [layer.name for layer in examples.network(name, 4).layers]
    assert min(layers.index("pool1"), layers.index("lrn1")) == layers.index(first)


def test_an_unknown_order_is_refused():
    with pytest.raises(ValueError, match="`order`.*Received: 'pool'"):
        alexnet.features(keras.Input((227, 227, 3)), order="pool")


def test_mixed_precision_keeps_the_last_layer_in_float32():
    examples.needs("mixed_bfloat16")
    net = examples.network("alexnet", 4, dtype="mixed_bfloat16")
    outputs = net(prepared()[:1, :227, :227])
    assert outputs.dtype == tf.float32 and np.isfinite(outputs).all()
