"""Latent hashing: its layers, its loss, its search, its settings."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests import examples, golden
from tfhash.data import ArrayImages, Split, lists
from tfhash.evaluation.scoring import Encoded, Scoring
from tfhash.heads import two_step
from tfhash.methods import base, latent
from tfhash.metrics import average_precision
from tfhash.retrieval.codes import BinaryCodes
from tfhash.retrieval.relevance import Relevance


def small(**changes):
    """Latent hashing on the network of seconds."""
    return latent.Method(examples.config("latent", **changes), num_classes=10)


# ---- the network


def test_a_latent_output_of_one_half_is_bit_0():
    outputs = np.array([[9.0, 0.5, 0.50001, 0.49999]], np.float32)
    assert small(bits=3).head.codes(outputs).unpack().tolist() == [[0, 1, 0]]


def test_codes_are_bits():
    assert isinstance(small().head.codes(np.zeros((2, 48), np.float32)), BinaryCodes)


def test_the_last_layers_alone_are_trained_unless_asked():
    """Of the backbone those that it names: a toy with one, as AlexNet has fc6 and fc7."""
    trained = {v.path for v in small(finetune_all=False).network.trainable_variables}
    assert trained == {
        f"{layer}/{leaf}" for layer in ("fclat", "fc8") for leaf in ("kernel", "bias")
    }
    everything = {v.path for v in small().network.trainable_variables}
    assert trained < everything


def test_the_biases_are_drawn_like_the_weights():
    recipe = small(bits=12)
    for name, count in (("fclat", 12), ("fc8", 10)):
        bias = np.abs(recipe.network.get_layer(name).bias.numpy())
        assert 0 < bias.max() <= np.sqrt(3 / count)


def test_a_backbone_that_is_not_trained_keeps_its_statistics():
    recipe = small(finetune_all=False)
    images = tf.constant(golden.seeded.embeddings(1, 4, 768).reshape(4, 16, 16, 3))
    before = {v.path: v.numpy() for v in recipe.network.variables}
    recipe.outputs({"images": images})
    for v in recipe.network.variables:
        np.testing.assert_array_equal(v, before[v.path])


# ---- training


@pytest.mark.parametrize("name", "abc")
def test_the_loss_and_the_accuracy_equal_the_original(name):
    case = golden.case("latent/softmax_loss")
    logits, labels = tf.Variable(case[f"{name}/in_logits"]), case[f"{name}/in_labels"]
    recipe = small()
    batch = base.Batch({"images": tf.constant(labels)}, {})
    with tf.GradientTape() as tape:
        loss = recipe.losses({"images": logits}, batch)["classification"]
    np.testing.assert_allclose(loss, case[f"{name}/out_loss"], rtol=1e-5)
    gradient = tape.gradient(loss, logits)
    np.testing.assert_allclose(gradient, case[f"{name}/out_grad"], atol=1e-6)
    measured = recipe.measures({"images": logits}, batch)["accuracy"]
    np.testing.assert_allclose(measured, case[f"{name}/out_accuracy"], rtol=1e-6)


def test_the_steps_end_the_training_before_the_epochs_do():
    config = latent.Config(epochs=1250, max_steps=10000)
    assert config.total_steps(39) == 10000
    assert dataclasses.replace(config, epochs=10).total_steps(39) == 390


def test_a_batch_is_of_labelled_images_and_an_epoch_has_each_once():
    train = examples.splits().train
    recipe = small()
    steps = recipe.steps_per_epoch(train)
    drawn = list(recipe.batches(train, steps=steps, seed=1, epoch=0))
    positions = np.concatenate([batch["images"] for batch in drawn])
    assert steps == 2 and len(set(positions)) == 40 and train.labelled[positions].all()


def test_fewer_images_than_a_batch_are_refused():
    pool = ArrayImages(np.zeros((3, 8, 8, 3), np.uint8))
    train = Split(pool, np.arange(3), np.eye(3, dtype=np.uint8), np.ones(3, bool))
    with pytest.raises(ValueError, match="batch_size=20, 3 labelled"):
        small().steps_per_epoch(train)


# ---- labels


def test_of_several_classes_the_last_counts_as_in_the_original():
    labels = tf.constant([[1.0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]])
    assert two_step.last_class(labels).numpy().tolist() == [[0, 0, 1, 0], [0, 1, 0, 0], [0] * 4]
    halves = small(multi_label="all").head.targets(labels).numpy()
    assert halves.tolist() == [[0.5, 0, 0.5, 0], [0, 1, 0, 0], [0] * 4]


@pytest.mark.parametrize("name", ["multi_hot_last_wins", "abs_path", "jpeg", "suffix_og"])
def test_the_class_of_a_line_is_that_of_the_original(name, monkeypatch):
    """Lines that the original can read; of the others it makes exceptions, see test_lists.py."""
    case = golden.case("latent/label_parser")
    expected, _, number = str(case[f"{name}/out"]).partition("|")
    monkeypatch.setattr(lists.os.path, "isfile", lambda path: True)
    path, labels = lists._parse(str(case[f"{name}/in_line"]), 10, "D")
    assert path == expected
    assert two_step.last_class(labels[None]).numpy().argmax() == int(number)


def test_one_hot_labels_stay_as_they_are_for_the_search():
    case = golden.case("latent/label_parser")
    labels, expected = case["get_labels_for_ss/in_one_hot"], case["get_labels_for_ss/out_one_hot"]
    np.testing.assert_array_equal(two_step.last_class(labels), expected)
    assert len(labels) == case["get_labels_for_ss/out_count"]


# ---- retrieval


def test_the_precision_of_a_search_by_hand():
    """Listed are relevant, other, relevant: (1 + 2/3) / 3; the second query finds nothing."""
    relevant = Relevance(np.array([[1, 0], [1, 0]]), np.array([[1, 0], [0, 1], [1, 0], [1, 0]]))
    listed = [np.array([2, 1, 0]), np.array([], int)]
    np.testing.assert_allclose(two_step.listed_precision(listed, relevant), (1 + 2 / 3) / 3 / 2)
    assert average_precision.average_precision([np.array([0, 2])])[0] == (1 + 2 / 3) / 2


def encoded(case, part):
    """`Encoded` of the query or the database of the golden file."""
    outputs = np.concatenate([case[f"in_{part}_float"], case[f"in_{part}_bits"]], axis=1)
    return Encoded(outputs.astype(np.float32), case[f"in_{part}_labels"].astype(np.uint8))


@pytest.mark.parametrize("name", ["t12_k120", "t3_k10", "t48_k120"])
def test_a_test_prints_the_number_of_the_original(name):
    case = golden.case("latent/similarity_search")
    asked = {"threshold": int(case[f"{name}/in_threshold"]), "k": int(case[f"{name}/in_k"])}
    head = small(bits=48, **asked).head
    query, database = encoded(case, "query"), encoded(case, "database")
    metrics = head.evaluate(query, database, head.codes(database.outputs), Scoring())
    np.testing.assert_allclose(metrics["search_precision"], case[f"{name}/out_map"], atol=1e-9)
    assert 0 < metrics["mAP"] < 1 and 0 <= metrics["accuracy"] <= 1


def test_given_relevance_goes_before_labels():
    head, outputs = small(bits=2).head, np.array([[0.0, 1, 1], [5, 1, 1]], np.float32)
    part = Encoded(outputs, np.eye(10, dtype=np.uint8)[[0, 1]])
    scoring = Scoring(relevant=np.array([[0, 1], [0, 1]]))
    metrics = head.evaluate(part, part, head.codes(outputs), scoring)
    np.testing.assert_allclose(metrics["search_precision"], (1 / 4 + 1 / 2) / 2)


# ---- settings


def test_convolutions_that_are_not_trained_need_a_file():
    fixed = examples.config("latent", finetune_all=False)
    with pytest.raises(ValueError, match="--pretrained=FILE.*--finetune_all"):
        fixed.check_start(None)
    fixed.check_start("bvlc_alexnet.npy")
    examples.config("latent").check_start(None)


@pytest.mark.parametrize(
    "changes",
    [
        {"bits": 0},
        {"keep_prob": 0.0},
        {"keep_prob": 1.5},
        {"multi_label": "first"},
        {"k": 0},
        {"threshold": -1},
        {"image_size": -1},
        {"max_steps": 0},
    ],
)
def test_a_bad_setting_is_refused(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        dataclasses.replace(latent.Config(), **changes)


def test_images_of_a_side_that_alexnet_cannot_take_are_refused():
    with pytest.raises(ValueError, match="images of 227 pixels.*224.*--image_size=227"):
        latent.Method.input_of(latent.Config(image_size=224)).check((224, 224))
