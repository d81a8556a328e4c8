import dataclasses
import json
import sys

import numpy as np
import pytest
import tensorflow as tf

import run_test
import run_train
from flags import common
from tests import examples
from tfhash import methods, model_dir
from tfhash.evaluation import pictures, table_scoring
from tfhash.evaluation.scoring import Scoring
from tfhash.losses import hash_table as losses
from tfhash.methods import base, hash_table
from tfhash.quantization import min_cost_flow
from tfhash.retrieval.codes import FloatCodes
from tfhash.retrieval.table import TableCodes
from tfhash.training import callbacks, runs
from tfhash.training.hasher import Hasher

TINY = {"img_model": "tiny", "image_size": 16, "batch_size": 20, "buckets": 16,
        "embedding_dim": 16, "epochs": 2}  # fmt: skip


def config(**changes):
    return hash_table.Config(**TINY | {"batch_classes": 10} | changes)


def method_of(**changes):
    return hash_table.Method(config(**changes), num_classes=10)


def hasher(**changes):
    return Hasher("hash_table", config(**changes), classes=examples.CLASSES)


# ---- settings


def test_the_settings_of_a_dataset_are_those_of_its_script():
    defaults = hash_table.Method.defaults
    assert defaults("cifar100", {}) == {}
    cifar = dataclasses.replace(hash_table.Config(), stage="hash",
                                **defaults("cifar100", {"stage": "hash"}))  # fmt: skip
    assert (cifar.batch_size, cifar.classes_drawn, cifar.epochs) == (128, 64, 200)
    triplet = {"stage": "hash", "hash_loss": "triplet"}
    assert defaults("cifar100", triplet)["pair_cost"] == 1.0
    imagenet = hash_table.Config(stage="hash", **defaults("imagenet32", {"stage": "hash"}))
    assert (imagenet.batch_size, imagenet.classes_drawn, imagenet.buckets) == (1024, 512, 512)
    assert (imagenet.pair_cost, imagenet.hash_decay_rates, imagenet.epochs) == (10.0, "b2", 100)


@pytest.mark.parametrize("changes, steps, rates", [
    ({}, [0, 49999, 50000], [1e-3, 1e-3, 3e-4]),
    ({"decay_rates": "a1"}, [0], [1e-5]),
    ({"decay_rates": "a1", "batch_size": 512}, [0, 150000], [1e-4, 3e-5]),
    ({"decay_rates": "a5", "batch_size": 256}, [199999, 400000], [1e-2, 9e-4]),
    ({"decay": "piecewise"}, [0, 10001, 20001], [1e-3, 3e-4, 1e-4]),
    ({"stage": "hash"}, [19999, 20000], [1e-3, 3e-4]),
    ({"stage": "hash", "batch_size": 1024, "hash_decay": "piecewise", "hash_decay_rates": "b2"},
     [0, 40001, 70001], [3e-4, 1e-4, 3e-5]),
])  # fmt: skip
def test_the_learning_rate_falls_as_the_letters_say(changes, steps, rates):
    schedule = hash_table.Config(**changes).schedule()
    np.testing.assert_allclose([schedule(step) for step in steps], rates, rtol=1e-6)


@pytest.mark.parametrize("changes, message", [
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
])  # fmt: skip
def test_settings_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        config(**changes)


def test_the_results_are_named_as_the_original_does():
    assert hash_table.Config().file_name == "128_16_nin_triplet_0.3_64_stair_a3"
    found = hash_table.Config(stage="hash", batch_classes=64).file_name
    assert found == "nin_npair_64_128_64_npair_h1_64_1_0.003_0.3_stair_a3"


# ---- batches and images


def train_of(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    part = examples.split(np.eye(len(counts), dtype=np.uint8)[labels])
    return dataclasses.replace(part, images=examples.data.ArrayImages(
        np.zeros((len(labels), 16, 16, 3), np.uint8)))  # fmt: skip


@pytest.mark.parametrize("counts, changes, message", [
    ([9] * 8, {}, "from 1 to the 8 of the dataset. Received: 10"),
    ([9] * 8, {"loss": "npair"}, "from 1 to the 8 of the dataset. Received: 10"),
    ([9] * 9 + [1], {}, r"2 labelled .* There are fewer of 1: 9 \(1\)"),
    ([9] * 10, {"image_size": 32}, "images of 32x32 pixels"),
])  # fmt: skip
def test_images_that_fill_no_batch_are_refused(counts, changes, message):
    method = hash_table.Method(config(**changes), num_classes=len(counts))
    with pytest.raises(ValueError, match=message):
        method.steps_per_epoch(train_of(counts))


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
    found = method.preprocess(np.stack([image] * 8), tf.constant([1, 2])).numpy()
    assert bool((found == found[0]).all()) is not per_image


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
    found = method.losses(outputs, batch)
    np.testing.assert_allclose(found["pairs"], expected, rtol=1e-5)
    length = 0.25 * 0.003 * ((a**2).sum(axis=1).mean() + (p**2).sum(axis=1).mean())
    np.testing.assert_allclose(found["length"], length, rtol=1e-5)
    assert set(found) == {"pairs", "length"}


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


def directory(tmp_path, name, **changes):
    """An untrained model in a directory."""
    built = hasher(**changes)
    model_dir.create(tmp_path / name, built.settings(), built.arrays())
    model_dir.save_weights(tmp_path / name, built.arrays(), step=0)
    return built, tmp_path / name


def test_the_hash_stage_begins_with_the_weights_of_the_metric_stage():
    metric, built = method_of(), method_of(stage="hash")
    metric.weights["pixel_mean"].assign(np.full((16, 16, 3), 0.25))
    last = built.network.layers[-1].kernel.numpy()
    built.continue_from(metric)
    found = {name: v.numpy() for name, v in built.variables().items()}
    for name, variable in metric.variables().items():
        moved = f"metric/{name}" if name.startswith("dense/") else name
        np.testing.assert_array_equal(found[moved], variable.numpy())
    np.testing.assert_array_equal(found["dense/kernel"], last)


@pytest.mark.parametrize("changes, message", [
    ({"embedding_dim": 8}, "embedding_dim=16, to train 16 buckets .* embedding_dim=8"),
    ({"stage": "hash"}, "stage='metric'.* stage='hash'"),
    ({"image_size": 8}, "image_size=16.* image_size=8"),
])  # fmt: skip
def test_a_metric_model_that_does_not_fit_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        method_of(stage="hash").continue_from(method_of(**changes))


def test_the_metric_stage_before_has_its_own_defaults():
    asked = config(stage="hash", hash_loss="triplet", buckets=32, epochs=7)
    before = hash_table.Method.stage_before(asked, "cifar100")
    assert (before.stage, before.loss, before.embedding_dim) == ("metric", "triplet", 32)
    assert (before.batch_size, before.batch_classes, before.epochs) == (128, 16, 300)
    assert hash_table.Method.stage_before(before, "cifar100") is None


def test_a_hash_model_is_encoded_to_values_and_vectors():
    built = hasher(stage="hash", active=2)
    encoded = built.encode(examples.splits().query)
    assert encoded.outputs.shape == (20, 32)
    codes = built.method.codes(encoded.outputs)
    assert isinstance(codes, TableCodes) and (codes.bits, codes.k) == (16, 2)
    np.testing.assert_array_equal(codes.vectors, encoded.outputs[:, 16:])


def random_outputs(width, count=40):
    numbers = np.arange(count) % 10
    outputs = np.random.default_rng(0).normal(size=(count, width)) + 3 * np.eye(10, width)[numbers]
    return base.Encoded(outputs.astype(np.float32), np.eye(10, dtype=np.uint8)[numbers])


@pytest.mark.parametrize("stage, width", [("metric", 16), ("hash", 32)])
@pytest.mark.parametrize("test_train", [True, False])
def test_an_evaluation_is_against_the_queries_and_if_asked_the_database(stage, width, test_train):
    method, part = method_of(stage=stage, test_train=test_train), random_outputs(width)
    codes = method.codes(part.outputs)
    found = method.evaluate(part, part, codes, Scoring())
    assert "te_te_precision@16" in found and ("te_tr_recall@4" in found) is test_train
    assert ("te_te_suf@1" in found) is (stage == "hash")
    assert isinstance(codes, TableCodes if stage == "hash" else FloatCodes)
    assert 0 <= found["mAP"] <= 1


@pytest.mark.parametrize("stage, width, endings", [
    ("metric", 16, ["", "_tables_1", "_tables_2", "_tables_3", "_tables_4"]),
    ("hash", 32, ["_test", "_train"]),
])  # fmt: skip
def test_a_report_is_the_originals_files(tmp_path, stage, width, endings):
    method, part = method_of(stage=stage), random_outputs(width)
    paths = method.report(part, part, method.codes(part.outputs), Scoring(), tmp_path)
    assert [path.name for path in paths] == [f"{method.config.file_name}{e}.csv" for e in endings]
    first = paths[0].read_text().splitlines()[0]
    names = [name.strip() for name in first.split(",")]
    assert names == list(
        table_scoring.METRIC_ENTRIES if stage == "metric" else
        ("test_nmi", "te_te_suf", "te_te_precision_at_k", "te_te_recall_at_k")
    )  # fmt: skip


def test_a_single_image_cannot_be_validated():
    one = random_outputs(32, count=1)
    assert method_of(stage="hash").validate(one, one, None, Scoring()) == {}


def test_the_weights_of_the_best_validation_are_kept(tmp_path):
    built, path = directory(tmp_path, "m")
    saving = callbacks.Saving(built, path, every=1)
    for step, value in enumerate([0.5, 0.9, 0.7, 0.9], 1):
        built.steps_done.assign(step)
        saving.run(0, {"val_precision@1": value})
    assert Hasher.load(path).step == 2
    assert built.checkpoints(path).restore() == 4


# ---- commands


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command in an empty folder: (exit status, output, errors)."""
    monkeypatch.chdir(tmp_path)

    def of(script, *arguments):
        monkeypatch.setattr(sys, "argv", ["run", *arguments])
        given = (run_train.train, common.define_train)
        if script is run_test:
            given = (run_test.test, common.define_test)
        try:
            common.main(*given, "usage\n")
        except SystemExit as stop:
            return stop.code, *capsys.readouterr()
        return 0, *capsys.readouterr()

    return of


QUICK = ("--method=hash_table", "--dataset=digits", "--conv=tiny", "--epoch=1",
         "--steps_per_epoch=2")  # fmt: skip


def test_the_stages_train_and_test_from_the_command_line(run, tmp_path, monkeypatch):
    from matplotlib import figure
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    status, shown, _ = run(run_train, *QUICK, "--stage=hash", "--model=m/hash")
    assert status == 0
    assert "a model that is trained first, into m/hash_hash_table_metric_16" in shown
    events = EventAccumulator("m/hash/tensorboard").Reload()
    tags = ("validation/suf", "validation/nmi", "validation/precision@1")
    assert set(tags) <= set(events.Tags()["tensors"])
    monkeypatch.setattr(pictures, "embedding", lambda *given: figure.Figure())  # t-SNE takes long
    assert run(run_test, "--model=m/hash")[0] == 0
    found = json.loads((tmp_path / "m/hash/report/metrics.json").read_text())
    assert {"te_te_precision@1", "te_tr_recall@16", "te_tr_suf@4", "test_nmi"} <= set(found)


def test_a_metric_model_is_taken_or_trained_or_gone_on_with(run, tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(run_train, "fit", lambda run, values, again: trained.append(run))
    _, path = directory(tmp_path, "metric")
    hash_stage = (*QUICK, "--stage=hash")
    status, shown, _ = run(run_train, *hash_stage, "--model=a", f"--metric_model={path}")
    assert status == 0 and "start_from" not in shown
    assert [r.path for r in trained] == ["a"]
    assert (
        "trained first, into b_hash_table_metric_16" in run(run_train, *hash_stage, "--model=b")[1]
    )
    shown = run(run_train, *hash_stage, "--model=b", "--overwrite")[1]
    assert "Starts from b_hash_table_metric_16" in shown
    metric = "b_hash_table_metric_16"
    assert [r.path for r in trained] == ["a", metric, "b", metric, "b"]


@pytest.mark.parametrize("arguments, words", [
    (("--stage=hash", "--k=17"), ("active=17", "buckets=16")),
    (("--nbatch=64", "--nsclass=10"), ("multiple of `batch_classes`=10", "64")),
    (("--nbatch=60", "--nsclass=20"), ("from 1 to the 10 of the dataset", "20")),
    (("--nbatch=1000", "--nsclass=10"), ("100 labelled training images", "0 (50)")),
    (("--metric_model=m/metric",), ("starts from no model with these settings",)),
    (("--stage=hash", "--metric_model=nowhere"), ("nowhere",)),
])  # fmt: skip
def test_what_cannot_be_trained_is_refused_in_a_line(run, tmp_path, arguments, words):
    status, _, errors = run(run_train, *QUICK, "--model=m/new", *arguments)
    assert status == 2
    assert errors.startswith("error: ") and errors.count("\n") == 1
    assert all(word in errors for word in words), errors
    assert not (tmp_path / "m").exists()


def test_a_metric_model_of_another_width_is_refused_in_a_line(run, tmp_path):
    directory(tmp_path, "narrow", embedding_dim=8)
    status, _, errors = run(
        run_train, *QUICK, "--stage=hash", "--model=m", f"--metric_model={tmp_path}/narrow"
    )
    assert status == 2 and errors.count("\n") == 1
    assert "embedding_dim=16" in errors and "embedding_dim=8" in errors


def test_a_hash_run_without_its_metric_model_is_refused(tmp_path):
    options = runs.DataOptions("digits")
    with pytest.raises(ValueError, match="`start_from`, the model directory of the stage before"):
        runs.start("hash_table", config(stage="hash"), options, tmp_path / "m", strategy=None)


def test_the_original_names_of_the_backbone_and_the_datasets_are_known():
    values, module = common.parse(["run", "--method=hash_table", "--conv=conv1"],
                                  common.define_train)  # fmt: skip
    assert module.config(values).img_model == "nin"
    assert methods.load("hash_table").Method.dataset_names["imgnet32"] == "imagenet32"
