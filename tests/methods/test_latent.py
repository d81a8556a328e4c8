import dataclasses
import pickle

import numpy as np
import pytest
import tensorflow as tf

from tests import examples, golden
from tfhash import checks, methods
from tfhash.backbones import caffe_alexnet
from tfhash.data import ArrayImages, Split
from tfhash.evaluation.scoring import Scoring
from tfhash.methods import base, latent
from tfhash.metrics import average_precision
from tfhash.retrieval.codes import BinaryCodes
from tfhash.retrieval.relevance import Relevance


def small(**changes):
    """Latent hashing on the network of seconds."""
    return latent.Method(examples.config("latent", **changes), num_classes=10)


def alexnet():
    """Latent hashing as published, but without dropout."""
    return latent.Method(latent.Config(keep_prob=1.0), num_classes=10)


def assign_golden(built, seed):
    arrays = by_name(golden.weights("latent").build(int(seed), 48, 10))
    checks.assign(trained_in_file(built), arrays, "golden")


def by_name(layers):
    """{layer: [weights, biases]} -> {"layer/kernel": array, ...}."""
    return {
        f"{layer}/{leaf}": array
        for layer, both in layers.items()
        for leaf, array in zip(("kernel", "bias"), both)
    }


def trained_in_file(built):
    return {v.path: v for v in built.network.variables if not v.path.endswith("/draws")}


def preprocessed(built, seed, count):
    pixels = golden.seeded.images(int(seed), count, 227, 227).astype(np.float32)
    return built.preprocess(tf.constant(pixels), None)


@pytest.fixture(scope="module")
def published():
    """One AlexNet for all tests that give it weights: to build it takes seconds."""
    return alexnet()


# ---- the network


@pytest.fixture(scope="module")
def forward(published):
    """The outputs of three golden images: those of every layer, and those for retrieval."""
    case = golden.case("latent/forward")
    assign_golden(published, case["in_weights_seed"])
    images = preprocessed(published, case["in_image_seed"], 3)
    layers = {"norm1": "lrn1", "pool1": "pool1", "norm2": "lrn2", "pool2": "pool2",
              "pool5": "pool5", "flattened": "flat"}  # fmt: skip
    model = tf.keras.Model(
        published.network.input,
        [published.network.outputs[-1]]
        + [published.network.get_layer(name).output for name in layers.values()],
    )
    logits, *found = model(images, training=False)
    return case, logits, dict(zip(layers, found)), published.embed(images).numpy()


def test_every_layer_equals_the_original(forward):
    case, _, layers, _ = forward
    for name in ("norm1", "pool1", "norm2", "pool2", "pool5"):
        array = layers[name].numpy()
        assert array.shape == tuple(case[f"out_shape_{name}"])
        for kind in ("mean", "std"):
            expected = case[f"out_{kind}_{name}"]
            tolerance = 1e-4 * np.abs(expected).max()
            np.testing.assert_allclose(
                getattr(array, kind)(axis=(1, 2)), expected, rtol=1e-4, atol=tolerance
            )
    expected = case["out_flattened_first_image"]
    np.testing.assert_allclose(layers["flattened"][0], expected, rtol=1e-4, atol=1e-3)


def test_the_outputs_equal_the_original(forward, published):
    case, logits, _, outputs = forward
    np.testing.assert_allclose(outputs[:, :4096], case["out_float_codes"], atol=1e-3)
    np.testing.assert_allclose(outputs[:, 4096:], case["out_fclat"], atol=1e-5)
    np.testing.assert_allclose(logits, case["out_fc8"], atol=1e-4)
    np.testing.assert_array_equal(published.codes(outputs).unpack(), case["out_bit_codes"])


def test_a_latent_output_of_one_half_is_bit_0():
    outputs = np.array([[9.0, 0.5, 0.50001, 0.49999]], np.float32)
    built = small(bits=3)
    assert built.codes(outputs).unpack().tolist() == [[0, 1, 0]]


def test_the_layers_after_the_convolutions_are_trained(published):
    names = {v.path for v in published.network.trainable_variables}
    assert names == {f"{layer}/{leaf}" for layer in ("fc6", "fc7", "fclat", "fc8")
                     for leaf in ("kernel", "bias")}  # fmt: skip


def test_the_biases_are_drawn_like_the_weights():
    built = small(bits=12)
    for name, count in (("fclat", 12), ("fc8", 10)):
        bias = np.abs(built.network.get_layer(name).bias.numpy())
        assert 0 < bias.max() <= np.sqrt(3 / count)


def test_a_backbone_that_is_not_trained_keeps_its_statistics():
    built = small(finetune_all=False)
    images = tf.constant(golden.seeded.embeddings(1, 4, 768).reshape(4, 16, 16, 3))
    before = {v.path: v.numpy() for v in built.network.variables}
    built.outputs({"images": images})
    for v in built.network.variables:
        np.testing.assert_array_equal(v, before[v.path])


# ---- training


@pytest.mark.parametrize("name", "abc")
def test_the_loss_and_the_accuracy_equal_the_original(name):
    case = golden.case("latent/softmax_loss")
    logits, labels = tf.Variable(case[f"{name}/in_logits"]), case[f"{name}/in_labels"]
    built = small()
    batch = base.Batch({"images": tf.constant(labels)}, {})
    with tf.GradientTape() as tape:
        loss = built.losses({"images": logits}, batch)["classification"]
    np.testing.assert_allclose(loss, case[f"{name}/out_loss"], rtol=1e-5)
    gradient = tape.gradient(loss, logits)
    np.testing.assert_allclose(gradient, case[f"{name}/out_grad"], atol=1e-6)
    measured = built.measures({"images": logits}, batch)["accuracy"]
    np.testing.assert_allclose(measured, case[f"{name}/out_accuracy"], rtol=1e-6)


@pytest.fixture(scope="module")
def trajectory():
    """Ten steps of the golden file: losses, accuracies, and the variables before and after."""
    case = golden.case("latent/train_sgd")
    built = alexnet()
    assign_golden(built, case["in_weights_seed"])
    optimizer = built.optimizer()
    variables = built.network.trainable_variables
    optimizer.build(variables)
    start = {v.path: v.numpy() for v in variables}

    @tf.function
    def step(images, labels):
        batch = base.Batch({"images": labels}, {})
        with tf.GradientTape() as tape:
            outputs = built.outputs({"images": images})
            loss = built.losses(outputs, batch)["classification"]
        gradients = tape.gradient(loss, [v.value for v in variables])
        optimizer.apply(gradients, variables)
        return loss, built.measures(outputs, batch)["accuracy"]

    done = []
    for number in range(int(case["in_steps"])):
        images = preprocessed(built, case["in_image_seed"] + number, 8)
        labels = golden.seeded.one_hot_labels(int(case["in_label_seed"]) + number, 8, 10)
        done.append(step(images, tf.constant(labels, tf.float32)))
    return case, np.array(done), start, {v.path: v.numpy() for v in variables}


def test_the_losses_of_ten_steps_equal_the_original(trajectory):
    case, done, *_ = trajectory
    np.testing.assert_allclose(done[:, 0], case["out_loss"], atol=1e-4)
    np.testing.assert_allclose(done[:, 1], case["out_accuracy"], atol=1e-6)


def test_the_weights_after_ten_steps_equal_the_original(trajectory):
    case, _, _, found = trajectory
    for layer in ("fc6", "fc7", "fclat", "fc8"):
        for leaf, name in (("kernel", "weights"), ("bias", "biases")):
            array, key = found[f"{layer}/{leaf}"], f"out_{layer}/{name}"
            if key not in case:
                array, key = array[:8], f"{key}_rows_0_8"
            np.testing.assert_allclose(array, case[key], atol=1e-5, err_msg=key)


def test_all_variables_moved_as_far_as_the_originals(trajectory):
    case, _, start, found = trajectory
    moved = dict(zip(case["out_names"].tolist(), case["out_moved_l2"]))
    for name, expected in moved.items():
        layer, leaf = name.split("/")
        path = f"{layer}/{'kernel' if leaf == 'weights' else 'bias'}"
        if layer in latent.CONVOLUTIONS:
            assert expected == 0 and path not in found
        else:
            distance = np.linalg.norm(found[path] - start[path])
            np.testing.assert_allclose(distance, expected, rtol=1e-3)


def test_the_steps_end_the_training_before_the_epochs_do():
    assert small(epochs=1250, max_steps=10000).total_steps(39) == 10000
    assert small(epochs=10, max_steps=10000).total_steps(39) == 390


def test_a_batch_is_of_labelled_images_and_an_epoch_has_each_once():
    train = examples.splits().train
    built = small()
    steps = built.steps_per_epoch(train)
    drawn = list(built.batches(train, steps=steps, seed=1, epoch=0))
    positions = np.concatenate([batch["images"] for batch in drawn])
    assert steps == 2 and len(set(positions)) == 40 and train.labelled[positions].all()


def test_of_several_classes_the_last_counts_as_in_the_original():
    labels = tf.constant([[1.0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]])
    assert latent.last_class(labels).numpy().tolist() == [[0, 0, 1, 0], [0, 1, 0, 0], [0] * 4]
    halves = small(multi_label="all").targets(labels).numpy()
    assert halves.tolist() == [[0.5, 0, 0.5, 0], [0, 1, 0, 0], [0] * 4]


@pytest.mark.parametrize("name", ["multi_hot_last_wins", "abs_path", "jpeg", "suffix_og"])
def test_the_class_of_a_line_is_that_of_the_original(name, tmp_path, monkeypatch):
    """Lines that the original can read; of the others it makes exceptions, see test_lists.py."""
    from tfhash.data import lists

    case = golden.case("latent/label_parser")
    path, _, number = str(case[f"{name}/out"]).partition("|")
    monkeypatch.setattr(lists.os.path, "isfile", lambda path: True)
    found, labels = lists._parse(str(case[f"{name}/in_line"]), 10, "D")
    assert found == path
    assert latent.last_class(labels[None]).numpy().argmax() == int(number)


def test_one_hot_labels_stay_as_they_are_for_the_search():
    case = golden.case("latent/label_parser")
    labels = case["get_labels_for_ss/in_one_hot"]
    np.testing.assert_array_equal(latent.last_class(labels), case["get_labels_for_ss/out_one_hot"])
    assert len(labels) == case["get_labels_for_ss/out_count"]


# ---- retrieval


def test_the_precision_of_a_search_by_hand():
    """Found are relevant, other, relevant: (1 + 2/3) / 3; the second query finds nothing."""
    relevant = Relevance(np.array([[1, 0], [1, 0]]), np.array([[1, 0], [0, 1], [1, 0], [1, 0]]))
    found = [np.array([2, 1, 0]), np.array([], int)]
    np.testing.assert_allclose(latent.listed_precision(found, relevant), (1 + 2 / 3) / 3 / 2)
    assert average_precision.average_precision([np.array([0, 2])])[0] == (1 + 2 / 3) / 2


@pytest.mark.parametrize("name", ["t12_k120", "t3_k10", "t48_k120"])
def test_a_test_prints_the_number_of_the_original(name):
    case = golden.case("latent/similarity_search")
    built = small(bits=48, threshold=int(case[f"{name}/in_threshold"]), k=int(case[f"{name}/in_k"]))
    query, database = (
        base.Encoded(
            np.concatenate([case[f"in_{part}_float"], case[f"in_{part}_bits"]], 1).astype("f4"),
            case[f"in_{part}_labels"].astype(np.uint8),
        )
        for part in ("query", "database")
    )
    found = built.evaluate(query, database, built.codes(database.outputs), Scoring())
    np.testing.assert_allclose(found["search_precision"], case[f"{name}/out_map"], atol=1e-9)
    assert 0 < found["mAP"] < 1 and 0 <= found["accuracy"] <= 1


def test_given_relevance_goes_before_labels():
    built = small(bits=2)
    outputs = np.array([[0.0, 1, 1], [5, 1, 1]], np.float32)
    part = base.Encoded(outputs, np.eye(10, dtype=np.uint8)[[0, 1]])
    scoring = Scoring(relevant=np.array([[0, 1], [0, 1]]))
    found = built.evaluate(part, part, built.codes(outputs), scoring)
    np.testing.assert_allclose(found["search_precision"], (1 / 4 + 1 / 2) / 2)


# ---- weight files


def write_npy(path, layers, *, text=True):
    """A file as Caffe's weights are published: a pickled dictionary of Python 2."""
    stored = {name if text else name.encode(): both for name, both in layers.items()}
    data = np.array(stored, dtype=object)
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|O", "fortran_order": False, "shape": ()}
        )
        pickle.dump(data, file, protocol=2)
    return path


@pytest.fixture(scope="module")
def caffe(tmp_path_factory):
    """A file like bvlc_alexnet.npy, of constants, and its layers."""
    layers = {
        name: [np.full(shape, number, np.float32), np.full(shape[-1], -number, np.float32)]
        for number, (name, shape) in enumerate(
            (caffe_alexnet.LAYERS | {"fc8": (4096, 1000)}).items(), 1
        )
    }
    return write_npy(tmp_path_factory.mktemp("caffe") / "bvlc_alexnet.npy", layers), layers


@pytest.mark.parametrize("load_fc", [False, True])
def test_caffes_weights_fill_the_convolutions_and_on_demand_fc6_and_fc7(
    caffe, published, load_fc, monkeypatch
):
    monkeypatch.setattr(published, "config", dataclasses.replace(published.config, load_fc=load_fc))
    for v in trained_in_file(published).values():
        v.assign(tf.zeros(v.shape))
    lines = published.load_original(caffe[0])
    filled = {v.path.split("/")[0] for v in trained_in_file(published).values()
              if np.asarray(v).any()}  # fmt: skip
    assert filled == {*latent.CONVOLUTIONS} | ({"fc6", "fc7"} if load_fc else set())
    np.testing.assert_array_equal(published.variables()["conv2/kernel"], caffe[1]["conv2"][0])
    assert f"{len(filled) * 2} variables read: conv1" in lines[0]


def test_names_of_layers_may_be_bytes(caffe, published, tmp_path):
    layers = {name: caffe[1][name] for name in latent.CONVOLUTIONS}
    path = write_npy(tmp_path / "w.npy", layers, text=False)
    assert "10 variables read" in published.load_original(path)[0]


def test_a_file_without_a_layer_is_refused(caffe, published, tmp_path):
    layers = {name: caffe[1][name] for name in ("conv1", "conv2", "conv3", "conv4")}
    path = write_npy(tmp_path / "w.npy", layers)
    with pytest.raises(ValueError, match=r"w\.npy` lacks conv5/bias, conv5/kernel"):
        published.load_original(path)


def test_a_layer_of_another_shape_is_refused(caffe, published, tmp_path):
    layers = caffe[1] | {"conv2": [np.zeros((5, 5, 96, 256), "f4"), np.zeros(256, "f4")]}
    path = write_npy(tmp_path / "w.npy", layers)
    with pytest.raises(ValueError, match=r"'conv2/kernel' has shape \(5, 5, 96, 256\)"):
        published.load_original(path)


def test_a_file_that_would_run_code_is_refused(published, tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ("ran",)

    path = write_npy(tmp_path / "w.npy", {"conv1": Evil()})
    with pytest.raises(ValueError, match="builtins.print|__builtin__.print"):
        published.load_original(path)


def test_a_checkpoint_of_the_original_is_recognized_and_read(tmp_path, published):
    layers = golden.weights("latent").build(1, 48, 10)
    variables = {
        f"{layer}/{leaf}": tf.Variable(array)
        for layer, both in layers.items()
        for leaf, array in zip(("weights", "biases"), both)
    }
    path = str(tmp_path / "model.ckpt-7")
    names = list(variables)
    tf.raw_ops.SaveV2(
        prefix=path, tensor_names=names, shape_and_slices=[""] * len(names),
        tensors=[variables[name].value() for name in names],
    )  # fmt: skip
    shapes = {name: tuple(v.shape) for name, v in variables.items()}
    assert latent.Method.recognizes(shapes)
    others = [name for name in methods.names() if methods.load(name).Method.recognizes(shapes)]
    assert others == ["latent"]
    config, classes = latent.Method.original_config(latent.Config(), shapes)
    assert (config.bits, classes) == (48, 10)
    assert "18 variables read" in published.load_original(path)[0]
    np.testing.assert_array_equal(published.variables()["fclat/kernel"], layers["fclat"][0])


def test_convolutions_that_are_not_trained_need_a_file():
    with pytest.raises(ValueError, match="--pretrained=FILE.*--finetune_all"):
        small(finetune_all=False).check_start(None)
    small(finetune_all=False).check_start("bvlc_alexnet.npy")
    small().check_start(None)


@pytest.mark.parametrize(
    "changes",
    [{"bits": 0}, {"keep_prob": 0.0}, {"keep_prob": 1.5}, {"multi_label": "first"}, {"k": 0},
     {"threshold": -1}, {"image_size": 224}, {"max_steps": 0}],
)  # fmt: skip
def test_a_bad_setting_is_refused(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        dataclasses.replace(latent.Config(), **changes)


def test_fewer_images_than_a_batch_are_refused():
    pool = ArrayImages(np.zeros((3, 8, 8, 3), np.uint8))
    train = Split(pool, np.arange(3), np.eye(3, dtype=np.uint8), np.ones(3, bool))
    with pytest.raises(ValueError, match="batch_size=20, 3 labelled"):
        small().steps_per_epoch(train)


def test_codes_are_bits():
    assert isinstance(small().codes(np.zeros((2, 48), np.float32)), BinaryCodes)


def test_weights_of_torchvision_fill_its_networks(monkeypatch):
    built = latent.Method(latent.Config(img_model="ResNet18", bits=4), num_classes=3)
    arrays = golden.weights("hashnet").build("resnet18", 7, 4)
    monkeypatch.setattr(latent.pth, "read", lambda path: (arrays, {}))
    assert "100 variables read" in built.load_original("resnet18.pth")[0]
    kernel = arrays["layer2.0.conv1.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(built.variables()["layer2.0.conv1/kernel"], kernel)
    trained = {v.path.split("/")[0] for v in built.network.trainable_variables}
    assert trained == {"fclat", "fc8"}
