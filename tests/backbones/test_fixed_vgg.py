import keras
import numpy as np
import pytest

from tests import examples, golden
from tfhash import checks
from tfhash.methods import gpq
from tfhash.originals import gpq as original


def images(seed, count=6):
    pixels = golden.seeded.images(seed, count, 32, 32)
    return gpq.CIFAR10.normalize(pixels)


def network(seed, **options):
    """The network with the golden weights, and one that also gives the pooled features."""
    net = examples.network("fixed_vgg", 144)
    arrays = golden.weights("gpq").build(seed, **options)
    variables = {original.original_name(v.path) + ":0": v for v in net.variables}
    checks.assign(variables, {name: arrays[name] for name in variables}, "golden")
    pooled = net.get_layer("pooled").output
    return net, keras.Model(net.input, [pooled, net.output])


@pytest.mark.parametrize("name, perturbed", [("eval", False), ("eval_perturbed", True)])
def test_evaluation_equals_the_original(name, perturbed):
    case = golden.case(f"gpq/network_{name}")
    _, both = network(150, perturbed=perturbed)
    pooled, features = both(images(120), training=False)
    np.testing.assert_allclose(pooled, case["out_pooled"], atol=1e-4)
    np.testing.assert_allclose(features, case["out_features"], atol=1e-4)


def test_training_and_its_moving_statistics_equal_the_original():
    case = golden.case("gpq/network_train")
    net, both = network(150, perturbed=True)
    norms = [layer for layer in net.layers if layer.name.startswith("batch")]
    for call in (1, 2):
        pooled, features = both(images(119 + call), training=True)
        np.testing.assert_allclose(pooled, case[f"out_pooled_{call}"], atol=1e-4)
        np.testing.assert_allclose(features, case[f"out_features_{call}"], atol=1e-4)
        for name in ("moving_mean", "moving_variance", "biased"):
            value = np.concatenate([getattr(layer, name).numpy() for layer in norms])
            np.testing.assert_allclose(value, case[f"out_step{call}_{name}"], atol=1e-4)
        steps = [layer.local_step.numpy() for layer in norms]
        np.testing.assert_array_equal(steps, case[f"out_step{call}_local_step"])
    pooled, features = both(images(122), training=False)
    np.testing.assert_allclose(pooled, case["out_pooled_eval_after"], atol=1e-4)
    np.testing.assert_allclose(features, case["out_features_eval_after"], atol=1e-4)


def test_replicas_normalise_by_the_whole_batch(mirrored):
    """Two replicas of three images give what one replica of six gives, to float32 rounding."""
    case = golden.case("gpq/network_train")
    with mirrored.scope():
        net, _ = network(150, perturbed=True)
    batch = images(120).numpy()

    def part(context):
        first = 3 * context.replica_id_in_sync_group
        return batch[first : first + 3]

    halves = mirrored.experimental_distribute_values_from_function(part)
    outputs = mirrored.run(lambda x: net(x, training=True), args=(halves,))
    outputs = np.concatenate(mirrored.experimental_local_results(outputs))
    np.testing.assert_allclose(outputs, case["out_features_1"], atol=1e-4)
    norms = [layer for layer in net.layers if layer.name.startswith("batch")]
    variance = np.concatenate([layer.moving_variance.numpy() for layer in norms])
    np.testing.assert_allclose(variance, case["out_step1_moving_variance"], atol=1e-4)
