import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests import examples, golden
from tests.methods.hashnet_golden import SMALL, assign_golden, method, normalized
from tfhash import originals
from tfhash.data import pillow
from tfhash.evaluation import results
from tfhash.evaluation.results import Result
from tfhash.evaluation.scoring import Encoded, Scoring
from tfhash.methods import base, hashnet
from tfhash.model import Model
from tfhash.retrieval.codes import BinaryCodes, FloatCodes

CONFIG = hashnet.Config()


# ---- schedules


def test_the_scale_of_every_iteration_equals_the_original():
    case = golden.case("hashnet/scale_schedule")
    for net in ("resnet", "alexnet", "vgg"):
        expected = case[f"out_train_scale_{net}"]
        scales = [hashnet.continuation_scale(number, CONFIG) for number in range(len(expected))]
        np.testing.assert_allclose(scales, expected, atol=1e-12)
    # The whole pickled module keeps its scale, as a model does here.
    scales = [hashnet.continuation_scale(int(n), CONFIG) for n in case["in_eval_iterations"]]
    np.testing.assert_allclose(scales, case["out_eval_scale_whole_module"], atol=1e-12)


def test_the_scale_is_set_at_the_step_that_the_original_sets_it_at():
    built = method(img_model="tiny")
    scales = []
    for step in (0, 198, 199, 200, 399):
        built.on_step_begin(step)
        scales.append(float(built.weights["scale"].numpy()))
    np.testing.assert_allclose(scales, [1, 1, np.sqrt(2), np.sqrt(2), np.sqrt(3)], rtol=1e-6)


def rates(config, steps):
    schedule = hashnet.learning_rate(config)
    steps = tf.constant(steps, tf.float64)
    return np.array([schedule.function(step, **schedule.settings) for step in steps])


def test_the_schedules_equal_the_original():
    case = golden.case("hashnet/lr_schedules")
    factors = case["in_param_lr"]
    inv = hashnet.Config(
        lr_type="inv",
        learning_rate=float(case["in_inv_init_lr"]),
        lr_gamma=float(case["in_inv_gamma"]),
        lr_power=float(case["in_inv_power"]),
    )
    step = hashnet.Config(
        learning_rate=float(case["in_step_init_lr"]),
        lr_gamma=float(case["in_step_gamma"]),
        lr_step=int(case["in_step_step"]),
    )
    multistep = hashnet.Config(
        lr_type="multistep", learning_rate=float(case["in_multistep_init_lr"]), lr_step=1
    )
    for name, config, steps in (
        ("inv", inv, case["in_iterations"]),
        ("step", step, case["in_iterations"]),
        ("multistep", multistep, case["in_multistep_epochs"]),
    ):
        scheduled = rates(config, steps)[:, None] * factors
        np.testing.assert_allclose(scheduled, case[f"out_{name}"], rtol=1e-12, atol=1e-12)


def test_the_last_layer_learns_ten_times_as_fast():
    recipe = method(img_model="tiny")
    factors = {
        v.path: recipe.optimizer().factors(v.path) for v in recipe.network.trainable_variables
    }
    fast = {"dense/kernel", "dense/bias"}
    assert fast < set(factors)
    assert all(factor == (10 if path in fast else 1) for path, factor in factors.items())


# ---- training


def test_the_passes_do_not_end_with_an_epoch():
    """Epochs of 2 steps over 40 labelled images in batches of 10: an order has 3 steps."""
    recipe, train = method(img_model="tiny", batch_size=10), examples.splits().train
    drawn = [
        rows["first"]
        for epoch in range(3)
        for rows in recipe.batches(train, steps=2, seed=0, epoch=epoch)
    ]
    for order in (drawn[:3], drawn[3:]):
        assert len(set(np.concatenate(order).tolist())) == 30


@pytest.mark.parametrize("name, legacy", [("hashnet", True), ("csq", False)])
def test_crops_are_drawn_as_when_the_code_was_published(name, legacy, monkeypatch):
    seen = []

    def crop(images, size, seed, **options):
        seen.append(options["legacy"])
        return images

    monkeypatch.setattr(pillow, "random_resized_crops", crop)
    examples.model(name).recipe.augment(np.zeros((1, 14, 14, 3), np.uint8), tf.constant([1, 2]))
    assert seen == [legacy]


def test_the_gradient_of_the_caffe_half_is_an_option():
    """A pair of one class: 8 times the gradient, and the same loss."""
    labels = dict.fromkeys(("first", "second"), tf.constant([[0.0, 1.0]]))
    u = tf.Variable([[0.5, -0.5]])
    found = []
    for asked in (False, True):
        recipe = method(img_model="tiny", bits=2, continous_similarity=asked)
        with tf.GradientTape() as tape:
            outputs = {"first": u, "second": tf.constant([[0.5, 0.25]])}
            loss = recipe.losses(outputs, base.Batch(labels, {}))["pairs"]
        found.append((loss.numpy(), tape.gradient(loss, u).numpy()))
    (plain, gradient), (graded, steeper) = found
    np.testing.assert_allclose(graded, plain, rtol=1e-6)
    np.testing.assert_allclose(steeper, 8 * gradient, rtol=1e-5)


def test_two_losses_at_once_are_refused():
    with pytest.raises(ValueError, match="`balanced` or `continous_similarity`.*Received both"):
        hashnet.Config(balanced=True, continous_similarity=True)


# ---- encoding


@pytest.fixture(scope="module")
def predict():
    return golden.case("hashnet/code_predict")


def encoder(case, **changes):
    """The `Model` of the golden file."""
    config = hashnet.Config(**SMALL | changes)
    size = (int(case["in_size"]),) * 2
    model = Model("hashnet", config, classes="abc", size=size)
    assign_golden(model.recipe, case["in_weights_seed"], case["in_hash_gain"])
    model.recipe.weights["scale"].assign(float(case["in_scale"]))
    return model


def signs(model, outputs):
    return 2.0 * model.recipe.head.codes(outputs).unpack() - 1


def embedded(case, model, training):
    """tanh outputs of the four batches of the golden file, `[32, bits]`."""
    outputs = []
    for number in range(int(case["in_batches"])):
        if training:  # the original counts the forward passes of its test too
            model.recipe.on_step_begin(int(case["in_iter_num"]) + number)
        seed, size = int(case["in_image_seed"]) + number, int(case["in_size"])
        outputs.append(model.embed(golden.seeded.images(seed, int(case["in_batch"]), size, size)))
    return np.concatenate(outputs)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_encoding_equals_the_original(predict, mode):
    training = mode == "train"
    model = encoder(predict, encode_in_training_mode=training)
    outputs = embedded(predict, model, training)
    hashed = predict[f"out_{mode}_mode_hash"]
    sure = np.abs(hashed) > 1e-3
    np.testing.assert_allclose(outputs, predict[f"out_{mode}_mode_tanh"], atol=1e-3)
    scales = {"train": np.repeat([np.sqrt(3), 2, 2, 2], 8), "eval": np.full(32, np.sqrt(3))}
    inside = np.abs(outputs) < 0.999  # where tanh can be inverted in float32
    inverted = np.arctanh(np.where(inside, outputs, 0)) / scales[mode][:, None]
    assert inside.mean() > 0.1
    np.testing.assert_allclose(inverted[inside], hashed[inside], atol=5e-4)
    expected = predict[f"out_{mode}_mode_code"]
    np.testing.assert_array_equal(signs(model, outputs)[sure], expected[sure])


def test_encoding_in_training_mode_moves_scale_and_statistics_as_the_original(predict):
    model = encoder(predict, encode_in_training_mode=True)
    embedded(predict, model, training=True)
    variables = model.recipe.variables()
    np.testing.assert_allclose(variables["scale"], predict["out_train_mode_scale"])
    for leaf, name in (("moving_mean", "running_mean"), ("moving_variance", "running_var")):
        expected = predict[f"out_train_mode_bn1.{name}"]
        np.testing.assert_allclose(variables[f"bn1/{leaf}"], expected, rtol=1e-4, atol=1e-5)


def test_ten_crops_are_averaged_after_tanh_as_in_the_original(predict, monkeypatch):
    first, size = int(predict["in_10crop_image_seed"]), int(predict["in_size"])
    crops = [normalized(first + number, 3, size) for number in range(10)]
    monkeypatch.setattr(pillow, "ten_crops", lambda images, size: crops)
    model = encoder(predict, test_10crop=True)
    outputs = model.embed(np.zeros((3, size, size, 3), np.uint8))
    expected = predict["out_10crop_mean"]
    np.testing.assert_allclose(outputs, expected, atol=1e-3)
    sure = np.abs(expected) > 1e-3
    np.testing.assert_array_equal(signs(model, outputs)[sure], predict["out_10crop_code"][sure])


def test_ten_crops_of_a_whole_image_are_five_and_their_mirrors():
    changes = {"img_model": "tiny", "crop_size": 16}
    crops = hashnet.Config(**SMALL | changes, test_10crop=True)
    ten, one = (
        Model("hashnet", config, classes="abc", size=(16, 16))
        for config in (crops, dataclasses.replace(crops, test_10crop=False))
    )
    images = golden.seeded.images(3, 2, 16, 16)
    both = one.embed(images) + one.embed(images[:, :, ::-1])
    np.testing.assert_allclose(ten.embed(images), both / 2, atol=1e-6)


# ---- retrieval


class Given:
    """Codes and labels of a case in the golden file of mean average precision."""

    def __init__(self, name):
        case = golden.case("hashnet/mean_average_precision")
        outputs = {part: case[f"{name}/in_{part}_code"] for part in ("database", "test")}
        labels = {part: case[f"{name}/in_{part}_labels"] for part in ("database", "test")}
        self.query = Encoded(outputs["test"], labels["test"])
        self.database = Encoded(outputs["database"], labels["database"])
        self.tops, self.expected = case[f"{name}/in_R"].tolist(), case[f"{name}/out_map"]


@pytest.mark.parametrize(
    "name", ["continuous_onehot", "continuous_multihot", "continuous_missing_class"]
)
def test_the_map_of_floats_equals_the_original(name):
    given = Given(name)
    query, database = given.query, given.database
    pair = (FloatCodes(database.outputs), query.outputs)
    precisions = [
        Scoring(top=top).mean_average_precision(*pair, query, database, missing="skip")
        for top in given.tops
    ]
    np.testing.assert_allclose(precisions, given.expected, atol=1e-9)


def test_the_map_of_sign_codes_equals_the_original():
    given, head = Given("sign_tie_invariant"), method(img_model="tiny").head
    query, database = given.query, given.database
    codes = head.codes(database.outputs)
    precisions = [
        head.evaluate(query, database, codes, Scoring(top=top))["mAP"] for top in given.tops
    ]
    np.testing.assert_allclose(precisions, given.expected, atol=1e-9)


@pytest.mark.parametrize("dataset, top", [("coco", 5000), ("imagenet", 1000), ("digits", None)])
def test_the_ranks_that_count_are_the_originals(dataset, top):
    assert originals.top("hashnet", dataset) == top


def test_no_more_ranks_count_than_there_are_items():
    splits = dataclasses.replace(examples.splits(), dataset="coco")
    result = results.evaluate(examples.model("hashnet"), splits)
    assert result.scoring.top == len(splits.database) < originals.top("hashnet", "coco")


def test_codes_and_labels_are_saved_as_the_original_names_them(tmp_path):
    model = Model("hashnet", hashnet.Config(img_model="tiny", bits=2), classes="ab")
    model.recipe.on_step_begin(8999)
    query = Encoded(np.array([[0.3, -0.2]], np.float32), np.array([[1, 0]], np.uint8))
    database = Encoded(np.array([[-1.0, 0.0]], np.float32), np.array([[0, 1]], np.uint8))
    result = Result(model, None, query, database, None, None, Scoring(), {})
    assert len(originals.report("hashnet", result, tmp_path)) == 4
    assert {path.name: np.load(path).tolist() for path in tmp_path.iterdir()} == {
        "iter_09000_database_code.npy": [[-1, 1]],
        "iter_09000_database_labels.npy": [[0, 1]],
        "iter_09000_test_code.npy": [[1, -1]],
        "iter_09000_test_labels.npy": [[1, 0]],
    }


def test_codes_are_bits_of_the_signs():
    codes = method(img_model="tiny", bits=3).head.codes(np.array([[0.1, -0.1, 0.0]], np.float32))
    assert isinstance(codes, BinaryCodes) and codes.unpack().tolist() == [[1, 0, 1]]


# ---- refusals


def test_an_unknown_network_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="ResNet50.*Received: 'ResNet99'"):
        method(img_model="ResNet99")


def test_a_network_of_one_size_refuses_other_crops():
    config = hashnet.Config(**SMALL | {"img_model": "AlexNet"})
    with pytest.raises(ValueError, match="AlexNet takes images of 224 .* Use --crop_size=224"):
        hashnet.Method.input_of(config).check((64, 64))


def test_images_smaller_than_a_crop_are_refused():
    with pytest.raises(ValueError, match="crop_size=64 pixels. Received: 32x32"):
        method(img_model="tiny").input.check((32, 32))


@pytest.mark.parametrize(
    "changes",
    [
        {"bits": 0},
        {"lr_type": "cosine"},
        {"resample": "area"},
        {"crop_share": 2.0},
        {"resize_size": 100},
    ],
)
def test_a_bad_setting_is_refused(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        dataclasses.replace(CONFIG, **changes)
