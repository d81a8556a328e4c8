"""The composite quantizers: codes in training, their schedules, triplets, tests, bad settings."""

import numpy as np
import pytest
import tensorflow as tf

from tests import examples, golden
from tfhash import methods, originals
from tfhash.evaluation.results import Result
from tfhash.evaluation.scoring import Encoded, Scoring
from tfhash.methods import _composite
from tfhash.quantization import composite
from tfhash.retrieval.codes import AdditiveCodes

NAMES = [n for n in methods.names() if issubclass(methods.load(n).Config, _composite.Config)]
SCHEDULED = [n for n in NAMES if hasattr(methods.load(n).Method, "update")]


def untrained(name, **changes):
    """A small method with the state of a training on `examples.splits()`, and its train part."""
    train = examples.splits().train
    recipe = methods.load(name).Method(examples.config(name, **changes), num_classes=10)
    recipe.state = recipe.build_state(train)
    return recipe, train


def outputs_of(count, dim=16, seed=0):
    return np.tanh(golden.seeded.embeddings(seed, count, dim))


# ---- codes that change every two passes


@pytest.mark.parametrize("name", SCHEDULED)
def test_codes_change_one_step_after_every_two_passes(name):
    """40 labelled images in batches of 16: a pass has ceil(40 / 16) = 3 steps, as counted there."""
    recipe, train = untrained(name, batch_size=16, cq_lambda=0.01)
    shown = np.flatnonzero(train.labelled)
    recipe.training.remember(shown, outputs_of(len(shown)))
    changed, weights = [], []
    for step in range(20):
        before = recipe.state["codes"].numpy().copy()
        recipe.on_step_begin(step)
        weights.append(float(recipe.state["cq_lambda"].numpy()))
        if not np.array_equal(recipe.state["codes"].numpy(), before):
            changed.append(step)
        recipe.training.remember(shown, outputs_of(len(shown), seed=step))
    assert changed == [7, 13, 19]
    np.testing.assert_allclose(weights, [0] * 7 + [0.01] * 13)


def test_dqn_takes_new_centres_by_kmeans_every_time():
    recipe, _ = untrained("dqn")
    _, first = recipe.update(outputs_of(60), 1)
    _, second = recipe.update(outputs_of(60), 2)
    _, again = recipe.update(outputs_of(60), 1)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)
    assert not first.reshape(2, 8, 16)[0, :, 8:].any()  # of the first slice alone


def test_dvsq_starts_from_kmeans_once_and_goes_on_from_its_centres():
    recipe, _ = untrained("dvsq")
    outputs = outputs_of(40)
    start = recipe.weights["C"].numpy()
    codes, first = recipe.update(outputs, 1)
    assert not np.array_equal(first, start)
    recipe.training.keep(codes, first)
    codes, second = recipe.update(outputs, 2)
    used = np.unique(codes + [0, 8])
    unused = np.setdiff1d(np.arange(16), used)
    np.testing.assert_array_equal(second[unused], first[unused])
    expected = composite.update_centers(outputs, codes, first)
    np.testing.assert_allclose(second, expected, atol=1e-6)


def test_images_that_no_step_has_shown_are_encoded():
    recipe, train = untrained("dqn")
    recipe.training.remember(np.arange(35), outputs_of(35))
    asked = []

    def encode(split):
        asked.extend(split.index)
        return np.full((len(split), 16), 7.0)

    recipe.on_epoch_begin(0, train, encode)
    assert not asked
    recipe.on_epoch_begin(1, train, encode)
    assert asked == [35, 36, 37, 38, 39]  # of the 40 labelled ones
    np.testing.assert_array_equal(recipe.state["outputs"].numpy()[35:40], 7.0)
    recipe.on_epoch_begin(2, train, encode)
    assert len(asked) == 5


@pytest.mark.parametrize("name", SCHEDULED)
def test_the_outputs_of_a_step_are_kept(name):
    recipe, _ = untrained(name)
    values = outputs_of(3)
    recipe.on_step_end({"images": tf.constant(values)}, {"images": tf.constant([4, 0, 9])})
    np.testing.assert_array_equal(recipe.state["outputs"].numpy()[[4, 0, 9]], values)
    assert np.flatnonzero(recipe.state["seen"].numpy()).tolist() == [0, 4, 9]


# ---- the triplets of DTQ


def encoding(outputs):
    """An `encode` that gives these outputs of the pool, and notes how it was called."""
    calls = []

    def encode(split, **options):
        calls.append((split.index.tolist(), options))
        return outputs[split.index]

    return encode, calls


def mined(epochs=1, **changes):
    recipe, train = untrained("dtq", **changes)
    encode, calls = encoding(outputs_of(120))
    for epoch in range(epochs):
        recipe.on_epoch_begin(epoch, train, encode)
    return recipe, train, calls


def test_an_epoch_takes_each_triplet_once():
    recipe, train, _ = mined()
    selected = recipe.state["triplets"].numpy()
    steps = recipe.epoch_steps(1000)
    assert steps == len(selected) // 20 > 1
    batches = [b["images"] for b in recipe.batches(train, steps=steps, seed=0, epoch=0)]
    shown = np.concatenate([batch.reshape(3, 20).T for batch in batches])
    np.testing.assert_array_equal(shown, selected[: 20 * steps])
    anchors, positives, negatives = train.labels[shown.T]
    assert (anchors & positives).any(axis=1).all() and not (anchors & negatives).any()
    assert train.labelled[shown].all()


def test_fewer_triplets_than_a_batch_come_again():
    recipe, train, _ = mined(select_strategy="hard", n_part=1)
    selected = recipe.state["triplets"].numpy()[:7]
    recipe.state["triplets"].assign(selected)
    (batch,) = recipe.batches(train, steps=recipe.epoch_steps(1000), seed=0, epoch=0)
    np.testing.assert_array_equal(batch["images"].reshape(3, 20).T, np.resize(selected, (20, 3)))


@pytest.mark.parametrize("limit, parts", [(64000, [4, 2, 1, 1]), (0, [8, 8, 8, 8])])
def test_parts_halve_while_there_are_few_triplets(limit, parts):
    recipe, train = untrained("dtq", n_part=8, triplet_thresold=limit)
    encode, _ = encoding(outputs_of(120))
    parts_of_epochs = []
    for epoch in range(4):
        recipe.on_epoch_begin(epoch, train, encode)
        parts_of_epochs.append(int(recipe.state["n_part"].numpy()))
    assert parts_of_epochs == parts


def test_parts_without_a_triplet_are_made_larger():
    """40 parts of one image each have none; the original fails."""
    recipe, _, _ = mined(n_part=40, triplet_thresold=0)
    assert len(recipe.state["triplets"].numpy()) and recipe.state["n_part"].numpy() < 40


def test_triplets_are_selected_by_inference_of_all_labelled_images():
    recipe, _, calls = mined(epochs=2)
    assert calls == [(list(range(40)), {})] * 2
    np.testing.assert_array_equal(recipe.state["outputs"].numpy()[:40], outputs_of(120)[:40])


def test_training_mode_leaves_out_what_fills_no_batch():
    """Batches of 3 x 12 of 40 images: 4 keep what they had, as in the original."""
    recipe, _, calls = mined(select_in_training_mode=True, batch_size=12)
    (rows, options) = calls[0]
    assert len(rows) == 36 and set(rows) < set(range(40)) and "training_seed" in options
    left = np.setdiff1d(np.arange(40), rows)
    assert not recipe.state["outputs"].numpy()[left].any()


def test_codes_and_centres_of_dtq_change_with_every_epoch():
    recipe, train = untrained("dtq")
    encode, _ = encoding(outputs_of(120))
    start = recipe.weights["C"].numpy().copy()
    recipe.on_epoch_begin(0, train, encode)
    first = recipe.weights["C"].numpy().copy()
    recipe.training.remember(np.arange(40), outputs_of(40, seed=5))
    recipe.on_epoch_begin(1, train, encode)
    assert not np.array_equal(start, first)
    assert not np.array_equal(first, recipe.weights["C"].numpy())


def test_no_violation_later_keeps_the_former_triplets():
    recipe, train, _ = mined()
    before = recipe.state["triplets"].numpy()
    apart = 100 * np.eye(10, 16)[np.arange(120) % 10]
    recipe.on_epoch_begin(1, train, encoding(apart)[0])
    np.testing.assert_array_equal(recipe.state["triplets"].numpy(), before)


def test_no_violation_at_first_is_an_error():
    recipe, train = untrained("dtq")
    apart = 100 * np.eye(10, 16)[np.arange(120) % 10]
    with pytest.raises(ValueError, match="violates the margin. Received: triplet_margin=30.0"):
        recipe.on_epoch_begin(0, train, encoding(apart)[0])


@pytest.mark.parametrize("labels", [np.ones((40, 1)), np.eye(40)], ids=["one class", "no two"])
def test_images_that_give_no_triplet_are_an_error(labels):
    recipe, _ = untrained("dtq")
    with pytest.raises(ValueError, match="two classes or more"):
        recipe.steps_per_epoch(examples.split(labels.astype(np.uint8)))


def test_no_epoch_has_more_steps_than_pairs_give():
    """Four labelled images of each of ten classes: 10 x 4 x 3 ordered pairs, 20 to a step."""
    recipe, train = untrained("dtq")
    assert recipe.steps_per_epoch(train) == 6


def test_tensorboard_gets_the_triplets_and_their_distances():
    """Anchors at 0, positives at 1 and negatives at 3 in one dimension: 1, 9 and -8 squared."""
    recipe, _, _ = mined()
    outputs = np.zeros((6, 16), np.float32)
    outputs[:, 0] = [0, 0, 1, 1, 3, 3]
    recipe.on_step_end({"images": tf.constant(outputs)}, {"images": tf.range(6)})
    shown = {name: np.asarray(value).tolist() for name, value in recipe.summaries().items()}
    assert shown == {
        "num_triplets": len(recipe.state["triplets"].numpy()),
        "pos_dist": [1.0, 1.0],
        "neg_dist": [9.0, 9.0],
        "pos_dist - neg_dist": [-8.0, -8.0],
    }


# ---- codes and evaluation


@pytest.mark.parametrize("name", NAMES)
def test_codes_are_sums_of_centres_by_inner_product(name):
    recipe, _ = untrained(name)
    codes = recipe.head.codes(outputs_of(50))
    assert isinstance(codes, AdditiveCodes) and codes.distance == "inner_product"
    assert codes.codebooks.shape == (2, 8, 16) and codes.bits == recipe.config.bits == 6
    queries = outputs_of(4, seed=9)
    np.testing.assert_allclose(codes.distances(queries), -queries @ codes.decode().T, atol=1e-5)


@pytest.mark.parametrize("name", SCHEDULED)
def test_the_centres_of_the_model_code_a_database(name):
    recipe, _ = untrained(name)
    codes = recipe.head.codes(outputs_of(50))
    np.testing.assert_array_equal(codes.codebooks.reshape(16, 16), recipe.weights["C"].numpy())


def test_dtq_fits_centres_to_a_database_and_leaves_its_own():
    recipe, _ = untrained("dtq")
    before = recipe.weights["C"].numpy().copy()
    outputs = outputs_of(200)
    fitted = recipe.head.codes(outputs).decode()
    own = composite.reconstruct(recipe.head.assign(outputs, before, seed=0), before)
    np.testing.assert_array_equal(recipe.weights["C"].numpy(), before)
    assert np.square(outputs - fitted).sum() < np.square(outputs - own).sum()


def test_dtq_codes_fewer_images_than_centres_by_its_own():
    recipe, _ = untrained("dtq")
    codes = recipe.head.codes(outputs_of(7))
    np.testing.assert_array_equal(codes.codebooks.reshape(16, 16), recipe.weights["C"].numpy())


@pytest.mark.parametrize("kind, first_seed", [("onehot", 5430), ("multihot", 440)])
@pytest.mark.parametrize("place", range(3))
def test_the_three_maps_equal_the_original(kind, first_seed, place, monkeypatch):
    """With its codes; the queries' are given too, so that coding them is left out."""
    case = golden.case(f"deephash/metrics_cq_{kind}")
    recipe, _ = untrained("dqn", n_subspace=4, n_subcenter=16, output_dim=32)
    draw = golden.seeded.one_hot_labels if kind == "onehot" else golden.seeded.multi_hot_labels
    means = golden.seeded.embeddings(first_seed + 2, 10, 32)

    def part(number, count):
        labels = draw(first_seed + number, count, 10)
        noise = golden.seeded.embeddings(first_seed + 3 + number, count, 32, scale=1.5)
        return Encoded(means[labels.argmax(1)] + noise, labels.astype(np.uint8))

    centers = golden.seeded.embeddings(first_seed + 5, 64, 32, scale=0.7)
    quantized = recipe.head.additive(case["in_query_code_ids"], centers)
    monkeypatch.setattr(recipe.head, "quantized", lambda outputs, codes: quantized)
    codes = recipe.head.additive(case["in_database_code_ids"], centers)
    scoring = Scoring(top=int(case["in_R"][place]))
    metrics = recipe.head.evaluate(part(0, 10), part(1, 120), codes, scoring)
    for name, key in (("mAP_by_feature", "by_feature"), ("mAP_AQD", "AQD"), ("mAP_SQD", "SQD")):
        expected = case[f"out_{key}_inner_product"][place]
        np.testing.assert_allclose(metrics[name], expected, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_features_reconstructions_and_labels_are_written(name, tmp_path):
    model, labels = examples.model(name), np.eye(10, dtype=np.uint8)
    database = Encoded(outputs_of(60), labels[np.arange(60) % 10])
    query = Encoded(outputs_of(5, seed=1), labels[:5])
    codes = model.recipe.head.codes(database.outputs)
    parts = {"query": query, "database": database, "codes": codes, "queries": query.outputs}
    result = Result(model, splits=None, scoring=Scoring(), metrics={}, **parts)
    (path,) = originals.report(name, result, tmp_path)
    with np.load(path, allow_pickle=False) as stored:
        np.testing.assert_array_equal(stored["db_features"], database.outputs)
        np.testing.assert_array_equal(stored["db_reconstr"], codes.decode())
        np.testing.assert_array_equal(stored["db_label"], database.labels)
        assert stored["val_features"].shape == stored["val_reconstr"].shape == (5, 16)
        np.testing.assert_array_equal(stored["val_label"], query.labels)
    assert [p.name for p in tmp_path.iterdir()] == ["features.npz"]


# ---- bad settings


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "settings, words",
    [
        ({"output_dim": 18, "n_subspace": 4}, "output_dim=18, n_subspace=4.*--output_dim=20"),
        ({"n_subspace": 0}, "`n_subspace` >= 1"),
        ({"n_subcenter": 70000}, "`n_subcenter` <= 65536"),
        ({"cq_lambda": -1.0}, "`cq_lambda` >= 0"),
        ({"max_iter_update_b": 0}, "`max_iter_update_b` >= 1"),
    ],
)
def test_bad_settings_are_errors(name, settings, words):
    with pytest.raises(ValueError, match=words):
        examples.config(name, **settings)


@pytest.mark.parametrize(
    "name, settings",
    [
        ("dtq", {"dist_type": "manhattan"}),
        ("dtq", {"select_strategy": "soft"}),
        ("dtq", {"n_part": 0}),
        ("dvsq", {"loss_type": "cos_loss"}),
    ],
)
def test_unknown_choices_are_errors(name, settings):
    with pytest.raises(ValueError, match=str(*settings)):
        examples.config(name, **settings)


def test_a_file_with_other_centres_is_refused():
    config_of, config = originals.program("dqn").config_of, methods.load("dqn").Config
    shapes = {"C": (64, 300), "fc8/kernel": (4096, 300)}
    with pytest.raises(ValueError, match="64 centres.*4 \\* 256"):
        config_of(config(), shapes)
    assert config_of(config(n_subcenter=16), shapes)[0].output_dim == 300
