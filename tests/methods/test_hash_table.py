import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import examples
from tests.methods.small_tables import HASH, TINY, config, method_of, model_of
from tfhash import data, settings
from tfhash.losses import hash_table as losses
from tfhash.methods import base, hash_table
from tfhash.model import Model
from tfhash.quantization import min_cost_flow
from tfhash.retrieval.table import TableCodes
from tfhash.training import callbacks, runs
from tfhash.training.trainer import Trainer

TRIPLETS = {"stage": "hash", "hash_loss": "triplet"}


# ---- settings


def settled(asked, dataset):
    """The `Config` of the hash table method on a dataset."""
    return hash_table.Config(**asked | hash_table.Config.defaults(dataset, asked))


def test_the_settings_of_a_dataset_are_those_of_its_script():
    assert hash_table.Config.defaults("cifar100", {}) == {}
    cifar = settled(HASH, "cifar100")
    assert (cifar.batch_size, cifar.classes_drawn, cifar.epochs) == (128, 64, 200)
    imagenet = settled(HASH, "imagenet32")
    assert (imagenet.batch_size, imagenet.classes_drawn, imagenet.buckets) == (1024, 512, 512)
    assert (imagenet.pair_cost, imagenet.hash_decay_rates, imagenet.epochs) == (10.0, "b2", 100)


@pytest.mark.parametrize("dataset", ["cifar100", "imagenet32"])
def test_triplets_leave_the_cost_and_the_buckets_as_the_scripts_do(dataset):
    """Only comments of the original, which its scripts do not read, name other numbers."""
    pairs, triplets = settled(HASH, dataset), settled(TRIPLETS, dataset)
    assert (triplets.pair_cost, triplets.buckets) == (pairs.pair_cost, pairs.buckets)


@pytest.mark.parametrize(
    "changes, steps, rates",
    [
        ({}, [0, 49999, 50000], [1e-3, 1e-3, 3e-4]),
        ({"decay_rates": "a1"}, [0], [1e-5]),
        ({"decay_rates": "a1", "batch_size": 512}, [0, 150000], [1e-4, 3e-5]),
        ({"decay_rates": "a5", "batch_size": 256}, [199999, 400000], [1e-2, 9e-4]),
        ({"decay": "piecewise"}, [0, 10001, 20001], [1e-3, 3e-4, 1e-4]),
        ({"stage": "hash"}, [19999, 20000], [1e-3, 3e-4]),
        (
            {
                "stage": "hash",
                "batch_size": 1024,
                "hash_decay": "piecewise",
                "hash_decay_rates": "b2",
            },
            [0, 40001, 70001],
            [3e-4, 1e-4, 3e-5],
        ),
    ],
)
def test_the_learning_rate_falls_as_the_letters_say(changes, steps, rates):
    schedule = hash_table.Config(**changes).schedule()
    np.testing.assert_allclose([schedule(step) for step in steps], rates, rtol=1e-6)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"stage": "both"}, "`stage` to be one of"),
        ({"hash_distance": "h3"}, "`hash_distance` to be one of"),
        ({"active": 17}, "active=17, buckets=16"),
        ({"batch_classes": 7}, "multiple of `batch_classes`=7, twice it or more. Received: 20"),
        ({"batch_classes": 20}, "multiple of `batch_classes`=20"),
        ({"loss": "npair", "batch_size": 21}, "even: as many anchors as positives. Received: 21"),
        ({"decay_rates": "a6"}, "number of 1 to 5, for stair at batch 128. Received: 'a6'"),
        ({"decay_rates": "b3"}, "letters a and a number"),
        ({"stage": "hash", "hash_loss": "triplet", "hash_distance": "h2"}, "Use --hash_loss=npair"),
        ({"margin": -1.0}, "margin"),
    ],
)
def test_settings_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        config(**changes)


# ---- batches and images


def train_of(counts):
    """A training part with as many black images of each class as `counts` says."""
    labels = np.repeat(np.arange(len(counts)), counts)
    pool = data.ArrayImages(np.zeros((len(labels), 16, 16, 3), np.uint8))
    part = examples.split(np.eye(len(counts), dtype=np.uint8)[labels])
    return dataclasses.replace(part, images=pool)


@pytest.mark.parametrize(
    "counts, changes, message",
    [
        ([9] * 8, {}, "from 1 to the 8 of the dataset. Received: 10"),
        ([9] * 8, {"loss": "npair"}, "from 1 to the 8 of the dataset. Received: 10"),
        ([9] * 9 + [1], {}, r"2 labelled .* There are fewer of 1: 9 \(1\)"),
    ],
)
def test_images_that_fill_no_batch_are_refused(counts, changes, message):
    method = hash_table.Method(config(**changes), num_classes=len(counts))
    with pytest.raises(ValueError, match=message):
        method.steps_per_epoch(train_of(counts))


def test_images_of_another_size_are_refused():
    """The mean image that is taken off has one size."""
    trainer = Trainer(model_of(image_size=32))
    with pytest.raises(ValueError, match="images of 32x32 pixels.*16x16.*--image_size=16"):
        trainer.prepare(train_of([9] * 10))


def test_a_batch_of_triplets_has_its_classes_one_after_the_other():
    method = method_of(batch_classes=5)
    train = train_of([9] * 10)
    for rows in method.batches(train, steps=3, seed=0, epoch=0):
        numbers = train.labels[rows["images"]].argmax(axis=1).reshape(5, 4)
        assert (numbers == numbers[:, :1]).all() and len(set(numbers[:, 0])) == 5


def test_the_first_of_two_passes_sees_the_same_images():
    method = method_of(stage="hash", two_passes=True)
    assert method.streams == ("anchors", "positives", "anchors_first", "positives_first")
    rows = next(method.batches(train_of([9] * 10), steps=1, seed=0, epoch=0))
    for stream in ("anchors", "positives"):
        np.testing.assert_array_equal(rows[stream], rows[f"{stream}_first"])


@pytest.mark.parametrize("per_image", [False, True])
def test_a_batch_is_moved_as_one_unless_asked(per_image):
    method = method_of(augment_per_image=per_image)
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    moved = method.augment(np.stack([image] * 8), tf.constant([1, 2])).numpy()
    assert bool((moved == moved[0]).all()) is not per_image


# ---- losses


def outputs_and_batch(streams, n=4, width=16, seed=0):
    rng = np.random.default_rng(seed)
    numbers = np.repeat(np.arange(n // 2), 2) if streams[0] == "images" else np.arange(n)
    labels = np.eye(10, dtype=np.float32)[numbers]
    drawn = {s: tf.constant(rng.normal(size=(n, width)).astype(np.float32)) for s in streams}
    return drawn, base.Batch(dict.fromkeys(streams, labels), {})


@pytest.mark.parametrize("distance", ["h1", "h2"])
def test_pairs_are_compared_over_the_buckets_of_the_flow(distance):
    changes = {"stage": "hash", "batch_size": 8, "active": 2, "hash_distance": distance}
    method = method_of(**changes)
    outputs, batch = outputs_and_batch(method.streams)
    a, p = outputs["anchors"].numpy(), outputs["positives"].numpy()
    chosen = min_cost_flow.assign((a + p) / 2, 2, pair_cost=0.3)
    used = (chosen[:, None] | chosen).astype(np.float32)
    scores = {"h1": a[:, None] * p, "h2": -np.abs(a[:, None] - p)}[distance]
    scores = (scores * used).sum(axis=-1)
    expected = np.mean(np.log(np.exp(scores).sum(axis=1)) - np.diag(scores))
    terms = method.losses(outputs, batch)
    np.testing.assert_allclose(terms["pairs"], expected, rtol=1e-5)
    length = 0.25 * 0.003 * ((a**2).sum(axis=1).mean() + (p**2).sum(axis=1).mean())
    np.testing.assert_allclose(terms["length"], length, rtol=1e-5)
    assert set(terms) == {"pairs", "length"}


def test_two_passes_choose_by_the_first_and_learn_by_the_second():
    method = method_of(stage="hash", batch_size=8, two_passes=True)
    outputs, batch = outputs_and_batch(method.streams)
    first = (outputs["anchors_first"] + outputs["positives_first"]) / 2
    chosen = min_cost_flow.assign(first.numpy(), 1, pair_cost=0.3).astype(np.float32)
    scores = losses.active_inner_products(outputs["anchors"], outputs["positives"], chosen)
    expected = losses.npairs(scores, batch.labels["anchors"])
    np.testing.assert_allclose(method.losses(outputs, batch)["pairs"], expected, rtol=1e-5)


def test_items_of_a_class_get_the_buckets_of_their_mean():
    changes = {"stage": "hash", "hash_loss": "triplet", "batch_size": 4, "batch_classes": 2}
    method = method_of(**changes)
    outputs, _ = outputs_and_batch(method.streams)
    unit = tf.math.l2_normalize(outputs["images"], axis=-1).numpy()
    means = unit.reshape(2, 2, 16).mean(axis=1)
    expected = min_cost_flow.assign(means, 1, pair_cost=0.3).repeat(2, axis=0)
    np.testing.assert_array_equal(method._chosen(outputs), expected)


# ---- two stages


def test_the_hash_stage_begins_with_the_weights_of_the_metric_stage():
    metric, hashed = method_of(), method_of(**HASH)
    metric.weights["pixel_mean"].assign(np.full((16, 16, 3), 0.25))
    last = hashed.network.layers[-1].kernel.numpy()
    hashed.continue_from(metric)
    taken = {name: v.numpy() for name, v in hashed.variables().items()}
    for name, variable in metric.variables().items():
        moved = f"metric/{name}" if name.startswith("dense/") else name
        np.testing.assert_array_equal(taken[moved], variable.numpy())
    np.testing.assert_array_equal(taken["dense/kernel"], last)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"embedding_dim": 8}, "embedding_dim=16, to train 16 buckets .* embedding_dim=8"),
        ({"stage": "hash"}, "stage='metric'.* stage='hash'"),
        ({"image_size": 8}, "image_size=16.* image_size=8"),
    ],
)
def test_a_metric_model_that_does_not_fit_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        method_of(**HASH).continue_from(method_of(**changes))


def test_the_metric_stage_before_has_its_own_defaults():
    before = config(**TRIPLETS, buckets=32).stage_before("cifar100")
    assert (before.stage, before.loss, before.embedding_dim) == ("metric", "triplet", 32)
    assert (before.batch_size, before.batch_classes, before.epochs) == (128, 16, 300)
    assert before.stage_before("cifar100") is None


def test_a_hash_run_without_its_metric_model_is_refused(tmp_path):
    asked = TINY | HASH | {"dataset": "digits", "model": str(tmp_path / "m")}
    with pytest.raises(ValueError, match="`start_from`, the model directory of the stage before"):
        runs.start(settings.settle("hash_table", asked), strategy=tf.distribute.get_strategy())


def test_a_hash_model_is_encoded_to_values_and_vectors():
    model = model_of(**HASH, active=2)
    outputs = model.embed(examples.splits().query)
    assert outputs.shape == (20, 32)
    codes = model.recipe.head.codes(outputs)
    assert isinstance(codes, TableCodes) and (codes.bits, codes.k) == (16, 2)
    np.testing.assert_array_equal(codes.vectors, outputs[:, 16:])


# ---- the weights that are kept


class Planted(keras.callbacks.Callback):
    """A validation that gives these values, epoch by epoch."""

    def __init__(self, values):
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        logs["val_precision@1"] = self.values[epoch]


def test_the_weights_of_the_best_validation_are_kept(tmp_path):
    trainer = examples.trainer("hash_table", TINY)
    trainer.model.save(tmp_path / "m")
    train = examples.splits().train
    trainer.prepare(train)
    saving = callbacks.Saving(trainer, tmp_path / "m", every=1)
    watching = [Planted([0.5, 0.9, 0.7, 0.9]), saving]
    trainer.fit(train, epochs=4, steps_per_epoch=1, callbacks=watching)
    assert Model.load(tmp_path / "m").restore(tmp_path / "m") == 2
    assert trainer.checkpoints(tmp_path / "m").restore() == 4
