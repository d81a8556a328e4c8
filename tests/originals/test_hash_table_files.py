"""TF1 checkpoints of the hash tables' two stages, made by hand as their Savers write them."""

import numpy as np
import pytest

import run_test
import run_train
import tfhash
from tests import examples, golden
from tests.commands import quick_report, refused, write_lists
from tfhash import originals
from tfhash.data import splits
from tfhash.methods import hash_table
from tfhash.model import Model
from tfhash.originals import readers
from tfhash.originals.readers import tf1
from tfhash.training import runs
from tfhash.training.trainer import Trainer

CASE = golden.case("hash_table/nin_forward")
WEIGHTS = golden.weights("hash_table")


def variables(*scopes, seed=1801):
    """`{variable: array}` of the network and of the layers in `scopes`, Embed or Hash."""
    arrays = WEIGHTS.build(seed, 64, 64)
    return {n: a for n, a in arrays.items() if n.split("/")[0] in ("NIN", *scopes)}


def with_adam(arrays):
    """`arrays` with what the originals' optimizers and their counter of steps add."""
    slots = {f"{name}/{slot}": a for name, a in arrays.items() for slot in ("Adam", "Adam_1")}
    powers = ("beta1_power", "beta2_power", "beta1_power_1", "beta2_power_1")
    return arrays | slots | dict.fromkeys(powers, np.float32(0.5)) | {"Variable": np.int32(7)}


@pytest.fixture
def saved(tmp_path):
    """The prefixes of checkpoints of the metric and of the hash stage."""
    metric, buckets = str(tmp_path / "metric/model-3"), str(tmp_path / "hash/model-2")
    tf1.write(metric, with_adam(variables("Embed")))
    tf1.write(buckets, with_adam(variables("Embed", "Hash")))
    return metric, buckets


def opened(path, **options):
    return runs.open_original(path, readers.shapes(path), **options)


def outputs_of(model):
    """The outputs for the golden images, which have no mean any more."""
    head, network = model.recipe.head, model.recipe.network
    return head.embed(network, WEIGHTS.images(1802, 8)).numpy()


def assert_near(outputs, expected):
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)


def test_a_metric_model_gives_the_outputs_of_the_original(saved):
    model = opened(saved[0])
    assert model.method == "hash_table"
    assert (model.config.stage, model.config.embedding_dim) == ("metric", 64)
    assert_near(outputs_of(model), CASE["out_embed"])


def test_a_hash_model_gives_the_outputs_of_the_original_beside_the_embedding(saved):
    metric, buckets = saved
    model = opened(buckets, start_from=metric, given={"active": 2})
    assert (model.config.stage, model.config.buckets, model.config.active) == ("hash", 64, 2)
    values, vectors = np.split(outputs_of(model), 2, axis=1)
    assert_near(values, CASE["out_hash"])
    assert_near(vectors, CASE["out_embed"])


def test_the_network_of_the_embedding_is_that_of_the_metric_stage(saved, tmp_path):
    """The hash stage goes on to train its own."""
    path = str(tmp_path / "trained/model-9")
    tf1.write(path, variables("Embed", "Hash") | {"NIN/conv2d_0/biases": np.ones(192, "f4")})
    recipe = opened(path, start_from=saved[0]).recipe
    np.testing.assert_array_equal(recipe.variables()["conv2d_0/bias"], np.ones(192))
    expected = variables()["NIN/conv2d_0/biases"]
    np.testing.assert_array_equal(recipe.weights["metric/conv2d_0/bias"], expected)


def test_adams_slots_and_counters_are_passed_over_and_others_named(tmp_path, saved):
    model = opened(saved[0]).recipe
    assert originals.read(model, saved[0]) == [f"{saved[0]}: 20 of 20 variables read"]
    path = str(tmp_path / "model-4")
    tf1.write(path, variables("Embed") | {"other": np.zeros(2, np.float32)})
    assert any("unexpected: other" in line for line in originals.read(model, path))


def test_a_hash_model_needs_its_metric_model(saved):
    with pytest.raises(ValueError, match="`start_from`.*or a file of its original"):
        opened(saved[1])


def test_a_metric_model_of_another_embedding_is_refused(saved, tmp_path):
    other = str(tmp_path / "other/model-3")
    tf1.write(other, variables("Embed", seed=5))
    with pytest.raises(ValueError, match="model-2` was trained from another embedding"):
        opened(saved[1], start_from=other)


def test_another_width_than_asked_for_is_refused(saved):
    with pytest.raises(ValueError, match="is of embedding_dim=64. Received: embedding_dim=32"):
        opened(saved[0], given={"embedding_dim": 32})


def test_a_checkpoint_that_lacks_a_variable_is_refused(saved, tmp_path):
    arrays = variables("Embed")
    del arrays["NIN/conv2d_4/biases"]
    tf1.write(tmp_path / "model-4", arrays)
    with pytest.raises(ValueError, match="lacks NIN/conv2d_4/biases"):
        originals.read(opened(saved[0]).recipe, tmp_path / "model-4")


# ---- the mean of the training images


def test_the_mean_comes_from_the_training_images(saved):
    model, train = opened(saved[0]), examples.splits(size=32).train
    originals.finish(model.recipe, train)
    np.testing.assert_array_equal(model.recipe.weights["pixel_mean"], splits.pixel_mean(train))


def test_a_mean_that_is_known_stays():
    recipe = hash_table.Method(hash_table.Config(img_model="tiny"), num_classes=10)
    recipe.weights["pixel_mean"].assign(np.full((32, 32, 3), 0.25))
    originals.finish(recipe, examples.splits(size=32).train)
    np.testing.assert_array_equal(recipe.weights["pixel_mean"], np.full((32, 32, 3), 0.25))


def test_images_are_not_encoded_without_a_mean(saved):
    model = tfhash.load(saved[0])
    with pytest.raises(ValueError, match="no mean of its training images"):
        model.embed(np.zeros((2, 32, 32, 3), np.uint8))


# ---- the commands


PARTS = {"train": range(24), "test": range(24, 32), "database": range(32, 48)}


def lists(folder):
    """Flags of small images of four classes, and their lists in `folder`."""
    rows = {part: {number: number % 4 for number in numbers} for part, numbers in PARTS.items()}
    write_lists(folder, golden.seeded.images(1, 48, 32, 32), **rows)
    return ("--dataset=coco", f"--data_dir={folder}")


def test_checkpoints_of_both_stages_are_tested_by_the_command(run, saved, monkeypatch):
    quick_report(monkeypatch)
    (metric, buckets), data = saved, lists("data")
    status, shown, errors = run(run_test, f"--model={metric}", *data)
    assert status == 0 and "te_te_precision@1" in shown, errors
    refused(run(run_test, f"--model={buckets}", *data), "start_from")
    method = ("--method=hash_table", f"--metric_model={metric}", "--k=2")
    status, shown, errors = run(run_test, *method, f"--model={buckets}", *data)
    assert status == 0 and "te_tr_suf" in shown and "report/model-2" in shown, errors


def test_a_stage_before_of_a_model_directory_is_refused(run, tmp_path):
    examples.model("gpq").save(tmp_path / "m")
    refused(run(run_test, "--model=m", "--start_from=other"), "start_from='other'")
    with pytest.raises(ValueError, match="start_from='other'"):
        tfhash.load("m", start_from="other")


def test_the_hash_stage_starts_from_a_checkpoint(run, saved, monkeypatch):
    monkeypatch.setattr(Trainer, "fit", lambda *_, **__: None)
    stage = ("--method=hash_table", "--stage=hash", "--nbatch=8", "--model=m", *lists("data"))
    status, _, errors = run(run_train, *stage, f"--metric_model={saved[0]}")
    assert status == 0, errors
    model = Model.load("m")
    kernel = model.recipe.weights["metric/dense/kernel"]
    np.testing.assert_array_equal(kernel, variables("Embed")["Embed/fc1/weights"])
    assert np.isfinite(model.recipe.weights["pixel_mean"]).all()
    assert model.stored["initial_weights"] == f"those of {saved[0]}"
