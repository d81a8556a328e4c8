import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests import golden
from tfhash import checks
from tfhash.data import augment
from tfhash.evaluation.scoring import Scoring
from tfhash.methods import base, hashnet
from tfhash.originals.readers import pth
from tfhash.retrieval.codes import BinaryCodes, FloatCodes

CONFIG = hashnet.Config()


def method(case=None, seed=None, **changes):
    """HashNet with golden weights: of ResNet18 and the sizes of a golden file."""
    config = {"img_model": "ResNet18", "bits": 48, "crop_size": 64, "resize_size": 0} | changes
    built = hashnet.Method(hashnet.Config(**config), num_classes=3)
    if case is not None:
        gain = float(case["in_gain"] if "in_gain" in case else case["in_hash_gain"])
        arrays = golden.weights("hashnet").build("resnet18", int(seed), 48, gain)
        variables = built._file_variables()
        found = pth.fitting(variables, arrays, "golden", head=True)
        checks.assign(variables, found, "golden")
    return built


def normalized(seed, count, size):
    pixels = golden.seeded.images(int(seed), int(count), int(size), int(size))
    return augment.normalize(pixels, hashnet.CHANNEL_MEAN, hashnet.CHANNEL_STD)


# ---- training


@pytest.fixture(scope="module", params=["64", "224"])
def trajectory(request):
    """Ten steps as in the golden file: the losses, the rates, and the method after them.

    Of the large images five, past a change of the rate; ten take 20 s.
    """
    case = golden.case(f"hashnet/train_resnet18_{request.param}")
    trained = method(
        case,
        case["in_wseed"],
        crop_size=int(case["in_size"]),
        similar_weight=float(case["in_class_num"]),
        learning_rate=float(case["in_lr"]),
        lr_gamma=float(case["in_gamma"]),
        lr_step=int(case["in_step"]),
    )
    optimizer = trained.optimizer()
    variables = [v for v in trained.variables().values() if v.trainable]
    optimizer.build(variables)
    start = {v.path: v.numpy() for v in variables}

    @tf.function
    def step(images, labels):
        rate = tf.identity(optimizer.learning_rate)
        with tf.GradientTape() as tape:
            outputs = trained.outputs(images)
            loss = trained.losses(outputs, base.Batch(labels, {}))["pairs"]
        gradients = tape.gradient(loss, [v.value for v in variables])
        optimizer.apply(gradients, variables)
        return loss, rate

    done = []
    long = golden.LONG or case["in_size"] == 64
    for number in range(int(case["in_steps"]) if long else 5):
        images, labels = {}, {}
        for place, (stream, count) in enumerate((("first", "in_n1"), ("second", "in_n2"))):
            seed = int(case["in_iseed"]) + 2 * number + place
            images[stream] = normalized(seed, case[count], case["in_size"])
            labels[stream] = golden.seeded.one_hot_labels(
                seed + 500, int(case[count]), int(case["in_classes"])
            )
        trained.on_step_begin(number)
        done.append(step(images, labels))
    return case, np.array(done), trained, start


def all_steps(trajectory):
    """`trajectory`, or a skip where it is not whole."""
    if len(trajectory[1]) < trajectory[0]["in_steps"]:
        pytest.skip("takes 20 s; set TFHASH_LONG_TESTS=1")
    return trajectory


def test_the_losses_of_ten_steps_equal_the_original(trajectory):
    case, done, *_ = trajectory
    tolerance = 1e-4 if case["in_size"] == 224 else 5e-4
    np.testing.assert_allclose(done[:, 0], case["out_loss"][: len(done)], atol=tolerance)


def test_the_learning_rates_of_ten_steps_equal_the_original(trajectory):
    case, done, *_ = trajectory
    np.testing.assert_allclose(done[:, 1], case["out_lr"][: len(done), 0], rtol=1e-6)
    np.testing.assert_allclose(case["out_lr"][:, 1], 10 * case["out_lr"][:, 0])


def test_the_weights_after_ten_steps_equal_the_original(trajectory):
    case, _, trained, _ = all_steps(trajectory)
    variables = trained._file_variables()
    found = {pth.torch_name(name): v.numpy() for name, v in variables.items()}
    compared = [key for key in case.keys() if key.removeprefix("out_") in found]
    assert len(compared) == 12
    for key in compared:
        name = key.removeprefix("out_")
        expected = pth.to_keras(case[key])
        tolerance = {"rtol": 1e-3, "atol": 1e-5} if "running" in name else {"atol": 2e-5}
        np.testing.assert_allclose(found[name], expected, err_msg=name, **tolerance)


def test_all_variables_moved_as_far_as_the_originals(trajectory):
    case, _, trained, start = all_steps(trajectory)
    moved = {name: np.linalg.norm(trained.variables()[name].numpy() - value)
             for name, value in start.items()}  # fmt: skip
    expected = dict(zip(case["out_names"].tolist(), case["out_moved_l2"]))
    for name, distance in moved.items():
        np.testing.assert_allclose(distance, expected[pth.torch_name(name)], rtol=2e-2, atol=2e-5)


def test_the_number_of_iterations_is_counted(trajectory):
    case, _, trained, _ = all_steps(trajectory)
    assert int(trained.weights["iter_num"].numpy()) == case["out_iter_num"]


def test_the_scale_of_every_iteration_equals_the_original():
    case = golden.case("hashnet/scale_schedule")
    for net in ("resnet", "alexnet", "vgg"):
        expected = case[f"out_train_scale_{net}"]
        found = [hashnet.continuation_scale(number, CONFIG) for number in range(len(expected))]
        np.testing.assert_allclose(found, expected, atol=1e-12)
    # The whole pickled module keeps its scale, as a model does here.
    found = [hashnet.continuation_scale(int(n), CONFIG) for n in case["in_eval_iterations"]]
    np.testing.assert_allclose(found, case["out_eval_scale_whole_module"], atol=1e-12)


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
        lr_type="inv", learning_rate=float(case["in_inv_init_lr"]),
        lr_gamma=float(case["in_inv_gamma"]), lr_power=float(case["in_inv_power"]),
    )  # fmt: skip
    step = hashnet.Config(
        learning_rate=float(case["in_step_init_lr"]), lr_gamma=float(case["in_step_gamma"]),
        lr_step=int(case["in_step_step"]),
    )  # fmt: skip
    multistep = hashnet.Config(
        lr_type="multistep", learning_rate=float(case["in_multistep_init_lr"]), lr_step=1
    )
    for name, config, steps in (
        ("inv", inv, case["in_iterations"]),
        ("step", step, case["in_iterations"]),
        ("multistep", multistep, case["in_multistep_epochs"]),
    ):
        found = rates(config, steps)[:, None] * factors
        np.testing.assert_allclose(found, case[f"out_{name}"], rtol=1e-12, atol=1e-12)


def test_the_last_layer_learns_ten_times_as_fast():
    built = method(img_model="tiny")
    optimizer = built.optimizer()
    optimizer.build(built.network.trainable_variables)
    factors = dict(zip([v.path for v in built.network.trainable_variables], optimizer._factor_of))
    assert {name for name, factor in factors.items() if factor == 10} == {
        "dense/kernel",
        "dense/bias",
    }


# ---- encoding


@pytest.fixture(scope="module")
def predict():
    return golden.case("hashnet/code_predict")


def encoded(case, built, training):
    """tanh outputs of the four batches of the golden file."""
    built.weights["scale"].assign(float(case["in_scale"]))
    found = []
    for number in range(int(case["in_batches"])):
        if training:  # the original counts the forward passes of its test too
            built.on_step_begin(int(case["in_iter_num"]) + number)
        images = normalized(case["in_image_seed"] + number, case["in_batch"], case["in_size"])
        found.append(built.embed(images))
    return np.concatenate(found)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_encoding_equals_the_original(predict, mode):
    training = mode == "train"
    built = method(predict, predict["in_weights_seed"], encode_in_training_mode=training)
    outputs = encoded(predict, built, training)
    hashed = predict[f"out_{mode}_mode_hash"]
    sure = np.abs(hashed) > 1e-3
    np.testing.assert_allclose(outputs, predict[f"out_{mode}_mode_tanh"], atol=1e-3)
    scales = {
        "train": np.repeat([np.sqrt(3), 2, 2, 2], 8),
        "eval": np.full(32, np.sqrt(3)),
    }
    inside = np.abs(outputs) < 0.999  # where tanh can be inverted in float32
    found = np.arctanh(np.where(inside, outputs, 0)) / scales[mode][:, None]
    assert inside.mean() > 0.1
    np.testing.assert_allclose(found[inside], hashed[inside], atol=5e-4)
    signs = 2.0 * built.codes(outputs).unpack() - 1
    np.testing.assert_array_equal(signs[sure], predict[f"out_{mode}_mode_code"][sure])
    if training:
        np.testing.assert_allclose(built.weights["scale"], predict["out_train_mode_scale"])
        for leaf, name in (("moving_mean", "running_mean"), ("moving_variance", "running_var")):
            found = built.variables()[f"bn1/{leaf}"]
            np.testing.assert_allclose(found, predict[f"out_train_mode_bn1.{name}"], rtol=1e-4,
                                       atol=1e-5)  # fmt: skip


def test_ten_crops_are_averaged_after_tanh_as_in_the_original(predict, monkeypatch):
    built = method(predict, predict["in_weights_seed"], test_10crop=True)
    built.weights["scale"].assign(float(predict["in_scale"]))
    first = int(predict["in_10crop_image_seed"])
    crops = [normalized(first + number, 3, predict["in_size"]) for number in range(10)]
    monkeypatch.setattr(hashnet.pillow, "ten_crops", lambda images, size: crops)
    outputs = built.embed(None).numpy()
    expected = predict["out_10crop_mean"]
    np.testing.assert_allclose(outputs, expected, atol=1e-3)
    sure = np.abs(expected) > 1e-3
    signs = 2.0 * built.codes(outputs).unpack() - 1
    np.testing.assert_array_equal(signs[sure], predict["out_10crop_code"][sure])


def test_ten_crops_of_a_whole_image_are_five_and_their_mirrors():
    built = method(img_model="tiny", crop_size=16, test_10crop=True)
    images = normalized(3, 2, 16)
    plain = built._continued(images, training=False)
    mirrored = built._continued(images[:, :, ::-1], training=False)
    np.testing.assert_allclose(built.embed(images), (plain + mirrored) / 2, atol=1e-6)


# ---- retrieval


def score(codes, queries, case, name, top):
    query = base.Encoded(None, case[f"{name}/in_test_labels"])
    database = base.Encoded(None, case[f"{name}/in_database_labels"])
    scoring = Scoring(top=int(top))
    return scoring.mean_average_precision(codes, queries, query, database, missing="skip")


@pytest.mark.parametrize(
    "name", ["continuous_onehot", "continuous_multihot", "continuous_missing_class"]
)
def test_the_map_of_floats_equals_the_original(name):
    case = golden.case("hashnet/mean_average_precision")
    codes = FloatCodes(case[f"{name}/in_database_code"])
    found = [
        score(codes, case[f"{name}/in_test_code"], case, name, R) for R in case[f"{name}/in_R"]
    ]
    np.testing.assert_allclose(found, case[f"{name}/out_map"], atol=1e-9)


def test_the_map_of_sign_codes_equals_the_original():
    case, name = golden.case("hashnet/mean_average_precision"), "sign_tie_invariant"
    built = method(img_model="tiny")
    outputs = {key: case[f"{name}/in_{key}_code"] for key in ("database", "test")}
    labels = {key: case[f"{name}/in_{key}_labels"] for key in ("database", "test")}
    query, database = (base.Encoded(outputs[key], labels[key]) for key in ("test", "database"))
    for top, expected in zip(case[f"{name}/in_R"], case[f"{name}/out_map"]):
        codes = built.codes(database.outputs)
        found = built.evaluate(query, database, codes, Scoring(top=int(top)))
        np.testing.assert_allclose(found["mAP"], expected, atol=1e-9)


def test_the_ranks_that_count_are_the_originals_and_no_more_than_there_are():
    built = method(img_model="tiny")
    assert built.scoring(Scoring(), "coco", 20000).top == 5000
    assert built.scoring(Scoring(), "imagenet", 300).top == 300


def test_codes_and_labels_are_saved_as_the_original_names_them(tmp_path):
    built = method(img_model="tiny", bits=2)
    built.on_step_begin(8999)
    query = base.Encoded(np.array([[0.3, -0.2]], np.float32), np.array([[1, 0]], np.uint8))
    database = base.Encoded(np.array([[-1.0, 0.0]], np.float32), np.array([[0, 1]], np.uint8))
    paths = built.report(query, database, None, None, tmp_path)
    assert len(paths) == 4
    loaded = {p.name: np.load(p).tolist() for p in tmp_path.iterdir()}
    assert loaded == {
        "iter_09000_database_code.npy": [[-1, 1]], "iter_09000_database_labels.npy": [[0, 1]],
        "iter_09000_test_code.npy": [[1, -1]], "iter_09000_test_labels.npy": [[1, 0]],
    }  # fmt: skip


def test_an_unknown_network_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="ResNet50.*Received: 'ResNet99'"):
        method(img_model="ResNet99")


def test_a_network_of_one_size_refuses_other_crops():
    with pytest.raises(ValueError, match="--crop_size=224"):
        method(img_model="AlexNet", crop_size=64)


def test_images_smaller_than_a_crop_are_refused():
    with pytest.raises(ValueError, match="crop_size=64.*32, 32"):
        method(img_model="tiny").preprocess(tf.zeros([1, 32, 32, 3], tf.uint8), None)


@pytest.mark.parametrize(
    "changes", [{"bits": 0}, {"lr_type": "cosine"}, {"resample": "area"}, {"crop_share": 2.0},
                {"resize_size": 100}]
)  # fmt: skip
def test_a_bad_setting_is_refused(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        dataclasses.replace(CONFIG, **changes)


# ---- Keras' weights


def test_codes_are_bits_of_the_signs():
    found = method(img_model="tiny", bits=3).codes(np.array([[0.1, -0.1, 0.0]], np.float32))
    assert isinstance(found, BinaryCodes) and found.unpack().tolist() == [[1, 0, 1]]
