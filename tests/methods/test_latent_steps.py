"""The network of latent hashing and ten of its training steps equal the original's."""

import dataclasses

import keras
import numpy as np
import pytest

from tests import golden
from tests.methods.latent_golden import CONVOLUTIONS, assign_golden, prepared, published
from tests.steps import Steps

LAYERS = {
    "norm1": "lrn1",
    "pool1": "pool1",
    "norm2": "lrn2",
    "pool2": "pool2",
    "pool5": "pool5",
    "flattened": "flat",
}  # the original's names, and those here


@dataclasses.dataclass(frozen=True)
class Forward:
    """Three golden images through the network: every layer, logits, outputs and their bits."""

    case: golden.Case
    layers: dict
    logits: np.ndarray
    outputs: np.ndarray
    bits: np.ndarray


@pytest.fixture(scope="module")
def forward():
    case, recipe = golden.case("latent/forward"), published()
    assign_golden(recipe, case["in_weights_seed"])
    images = prepared(recipe, case["in_image_seed"], 3)
    network, head = recipe.network, recipe.head
    wanted = {ours: network.get_layer(ours).output for ours in LAYERS.values()}
    wanted["logits"] = network.output["logits"]
    arrays = keras.Model(network.input, wanted)(images, training=False)
    arrays = {name: array.numpy() for name, array in arrays.items()}
    layers = {original: arrays[ours] for original, ours in LAYERS.items()}
    outputs = head.embed(network, images).numpy()
    return Forward(case, layers, arrays["logits"], outputs, head.codes(outputs).unpack())


@pytest.mark.parametrize("name", ["norm1", "pool1", "norm2", "pool2", "pool5"])
def test_every_layer_equals_the_original(forward, name):
    array, case = forward.layers[name], forward.case
    assert array.shape == tuple(case[f"out_shape_{name}"])
    for kind, values in (("mean", array.mean(axis=(1, 2))), ("std", array.std(axis=(1, 2)))):
        expected = case[f"out_{kind}_{name}"]
        tolerance = 1e-4 * np.abs(expected).max()
        np.testing.assert_allclose(values, expected, rtol=1e-4, atol=tolerance)


def test_the_flattened_layer_equals_the_original(forward):
    expected = forward.case["out_flattened_first_image"]
    np.testing.assert_allclose(forward.layers["flattened"][0], expected, rtol=1e-4, atol=1e-3)


def test_the_outputs_equal_the_original(forward):
    case, outputs = forward.case, forward.outputs
    np.testing.assert_allclose(outputs[:, :4096], case["out_float_codes"], atol=1e-3)
    np.testing.assert_allclose(outputs[:, 4096:], case["out_fclat"], atol=1e-5)
    np.testing.assert_allclose(forward.logits, case["out_fc8"], atol=1e-4)
    np.testing.assert_array_equal(forward.bits, case["out_bit_codes"])


# ---- training


@dataclasses.dataclass(frozen=True)
class Trajectory:
    """Ten steps of the golden file: their logs, and the trained variables before and after."""

    case: golden.Case
    logs: list
    start: dict
    end: dict

    def column(self, name):
        """An entry of the logs, `[steps]`."""
        return np.array([float(logs[name]) for logs in self.logs])


def trained_values(recipe):
    return {v.path: v.numpy() for v in recipe.network.trainable_variables}


@pytest.fixture(scope="module")
def trajectory():
    case, recipe = golden.case("latent/train_sgd"), published()
    assign_golden(recipe, case["in_weights_seed"])
    start, logs, step = trained_values(recipe), [], Steps(recipe)
    for number in range(int(case["in_steps"])):
        images = prepared(recipe, case["in_image_seed"] + number, 8)
        labels = golden.seeded.one_hot_labels(int(case["in_label_seed"]) + number, 8, 10)
        logs.append(step(images, labels=labels).logs)
    return Trajectory(case, logs, start, trained_values(recipe))


def test_the_losses_of_ten_steps_equal_the_original(trajectory):
    case = trajectory.case
    np.testing.assert_allclose(trajectory.column("loss"), case["out_loss"], atol=1e-4)
    accuracies = trajectory.column("training_accuracy")
    np.testing.assert_allclose(accuracies, case["out_accuracy"], atol=1e-6)


def test_the_weights_after_ten_steps_equal_the_original(trajectory):
    case = trajectory.case
    for layer in ("fc6", "fc7", "fclat", "fc8"):
        for leaf, name in (("kernel", "weights"), ("bias", "biases")):
            array, key = trajectory.end[f"{layer}/{leaf}"], f"out_{layer}/{name}"
            if key not in case:
                array, key = array[:8], f"{key}_rows_0_8"
            np.testing.assert_allclose(array, case[key], atol=1e-5, err_msg=key)


def test_all_variables_moved_as_far_as_the_originals(trajectory):
    case, start, end = trajectory.case, trajectory.start, trajectory.end
    for name, expected in zip(case["out_names"].tolist(), case["out_moved_l2"]):
        layer, leaf = name.split("/")
        path = f"{layer}/{'kernel' if leaf == 'weights' else 'bias'}"
        if layer in CONVOLUTIONS:
            assert expected == 0 and path not in end
        else:
            distance = np.linalg.norm(end[path] - start[path])
            np.testing.assert_allclose(distance, expected, rtol=1e-3)
