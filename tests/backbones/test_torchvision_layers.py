import numpy as np
import pytest
import tensorflow as tf

from tests import golden
from tfhash.backbones.layers import torchvision_layers

IMAGES = (2, 16, 13, 3)  # an even and an odd side: a stride meets their last pixels or not
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}  # of the largest value


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("padding", [0, 1, 2, 5])
@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 11])
def test_a_convolution_and_its_gradients_equal_those_of_a_list_of_paddings(
    size, stride, padding, dtype
):
    """TensorFlow's list of paddings, in float64, is PyTorch's padding by definition."""
    images, kernel, bias = (variable(shape) for shape in (IMAGES, (size, size, 3, 4), (4,)))
    layer = convolution(size, stride, padding, dtype=dtype)
    layer.set_weights([kernel, bias])
    pixels = [[0, 0], [padding, padding], [padding, padding], [0, 0]]
    expected = with_gradients(
        lambda: tf.nn.conv2d(images, kernel, stride, pixels) + bias, [images, kernel, bias]
    )
    results = with_gradients(
        lambda: layer(tf.convert_to_tensor(images)),
        [images, layer.kernel.value, layer.bias.value],
    )
    for result, exact in zip(results, expected, strict=True):
        largest = np.abs(exact).max()
        np.testing.assert_allclose(result, exact, rtol=0, atol=TOLERANCE[dtype] * largest)


@pytest.mark.parametrize("size, stride, padding", [(3, 1, 1), (3, 2, 1), (11, 4, 2), (1, 2, 0)])
def test_no_convolution_has_a_list_of_paddings(size, stride, padding):
    """TensorFlow computes its gradients without oneDNN, in twice the time."""
    layer = convolution(size, stride, padding)
    graph = tf.function(layer).get_concrete_function(tf.TensorSpec(IMAGES)).graph
    paddings = [op.get_attr("padding") for op in graph.get_operations() if op.type == "Conv2D"]
    assert paddings in ([b"SAME"], [b"VALID"])


@pytest.mark.parametrize("size, stride, padding", [(3, 1, 1), (3, 2, 1), (11, 4, 2), (5, 1, 0)])
@pytest.mark.parametrize("sides", [(16, 13), (17, 24)])
def test_the_shape_is_known_before_the_outputs(size, stride, padding, sides):
    layer = convolution(size, stride, padding)
    shape = layer.compute_output_shape((2, *sides, 3))
    assert shape == tuple(layer(np.zeros((2, *sides, 3), np.float32)).shape)
    assert layer.compute_output_shape((None, None, sides[1], 3)) == (None, None, *shape[2:])


def convolution(size, stride, padding, *, dtype="float32"):
    """A built layer of four filters."""
    layer = torchvision_layers.Conv2D(4, size, stride, padding, dtype=dtype)
    layer.build(IMAGES)
    return layer


def variable(shape):
    """Normal numbers, float64 but exact in float32."""
    numbers = golden.seeded.embeddings(len(shape), shape[0], int(np.prod(shape[1:])))
    return tf.Variable(numbers.reshape(shape), dtype=tf.float64)


def with_gradients(function, variables):
    """What `function()` gives, and the gradients of the sum of its squares."""

    @tf.function  # as in training: TensorFlow joins padding and convolution of a graph
    def run():
        with tf.GradientTape() as tape:
            outputs = function()
            loss = tf.reduce_sum(outputs**2)
        return outputs, *tape.gradient(loss, variables)

    return run()
