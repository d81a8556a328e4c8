"""The trainings of the DeepHash methods: batches, losses and steps equal the originals'."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import examples, golden
from tfhash import checks, methods
from tfhash.backbones import build, caffe_alexnet
from tfhash.data import augment, samplers
from tfhash.methods import base
from tfhash.originals.readers import npy

TOYS = (
    "dch_onehot", "dch_multihot", "dhn_cross_entropy_onehot", "dhn_cross_entropy_multihot",
    "dhn_normed_cross_entropy_onehot", "dhn_normed_cross_entropy_multihot", "dqn_onehot",
    "dqn_multihot", "dvsq_onehot", "dvsq_multihot", "dtq_cosine", "dtq_euclidean",
    "dtq_euclidean2", "dtq_inner_product",
)  # fmt: skip
SPELLED = {"lr": "learning_rate", "subspace": "n_subspace", "subcenter": "n_subcenter"}
LABELS = {"dch": 603, "dhn": 604}  # seeds


def settings(case, config):
    """The settings of a golden file that are fields of a `Config`."""
    known = {field.name for field in dataclasses.fields(config)}
    found = {SPELLED.get(key, key): value for key, value in case.args.items()}
    return {key: value for key, value in found.items() if key in known}


def toy(output_dim, dtype="float32"):
    """The network of the originals' toy trainings: seven relu layers and a linear one."""
    x = inputs = keras.Input((24,))
    for number in range(7):
        x = keras.layers.Dense(20, activation="relu", name=f"toy{number}")(x)
    return keras.Model(inputs, keras.layers.Dense(output_dim, name="toy7")(x))


def toy_method(case, monkeypatch):
    """A method as it was trained in a golden file, and the labels."""
    monkeypatch.setitem(build.NETWORKS, "toy", toy)
    name = case.name.split("_")[2]
    module = methods.load(name)
    dim = 300 if name == "dvsq" else 16
    changes = settings(case, module.Config) | {"img_model": "toy", "output_dim": dim}
    changes["batch_size"] = 4 if name == "dtq" else 12
    method = module.Method(module.Config(**changes), num_classes=10)
    layers = golden.weights("deephash").mlp(601, [24] + [20] * 7, dim)
    for layer, arrays in zip(method.network.layers[1:], layers):
        layer.kernel.assign(arrays[0])
        layer.bias.assign(arrays[1])
    draw = golden.seeded.multi_hot_labels if "multi" in case.name else golden.seeded.one_hot_labels
    labels = draw(LABELS.get(name, 605), 120, 10).astype(np.uint8)
    if name == "dvsq":
        words = golden.case("deephash/loss_dvsq_softmargin_onehot")["in_wordvec"]
        method.weights["word_vectors"].assign(words)
    method.state = method.build_state(examples.split(labels))
    if "C" in method.weights:
        method.weights["C"].assign(golden.seeded.embeddings(607, 32, dim, scale=0.4))
        method.state["codes"].assign(case["in_code_ids"])
    return method, labels.astype(np.float32)


@pytest.mark.parametrize("name", TOYS)
def test_ten_steps_equal_the_original(name, monkeypatch):
    """Optimizer, factors of the layers, falling rate, lambda from step 5 on: all at once."""
    case = golden.case(f"deephash/toy_train_{name}")
    method, labels = toy_method(case, monkeypatch)
    loose = 2 if "normed" in name else 1  # its cosines are sensitive to rounding
    x = golden.seeded.embeddings(602, 120, 24)
    optimizer = method.optimizer()
    variables = method.network.trainable_variables
    optimizer.build(variables)
    for step, rows in enumerate(np.arange(120).reshape(10, 12)):
        if "cq_lambda" in method.state:
            method.state["cq_lambda"].assign(method.config.cq_lambda if step >= 5 else 0.0)
        with tf.GradientTape() as tape:
            outputs = method.outputs({"images": tf.constant(x[rows])})
            batch = base.Batch({"images": tf.constant(labels[rows])}, {"images": rows})
            terms = method.losses(outputs, batch)
            loss = tf.add_n(list(terms.values()))
        optimizer.apply(tape.gradient(loss, variables), variables)
        rtol = 1e-4 if loose == 1 else 2e-3
        np.testing.assert_allclose(outputs["images"], case["out_embedding"][step],
                                   atol=1e-3 * loose)  # fmt: skip
        np.testing.assert_allclose(loss, case["out_loss"][step], rtol=rtol)
        if not name.startswith("dtq"):
            first = list(terms.values())[0]
            np.testing.assert_allclose(first, case["out_parts"][step, 0], rtol=rtol)
    for number, layer in enumerate(method.network.layers[1:]):
        np.testing.assert_allclose(layer.kernel, case[f"out_W{number}"], atol=2e-4 * loose)
        np.testing.assert_allclose(layer.bias, case[f"out_b{number}"], atol=2e-4 * loose)


# ---- AlexNet


class Steps:
    """What steps of a method on AlexNet gave: losses, outputs, and the weights before and after."""

    def __init__(self, case, name, labels, rows):
        module = methods.load(name)
        method = module.Method(module.Config(**settings(case, module.Config)), num_classes=10)
        arrays = golden.weights("deephash").alexnet(
            501, 64, gains=dict.fromkeys(caffe_alexnet.LAYERS, 0.5)
        )
        self.before = {f"{layer}/{leaf}": array for layer, pair in arrays.items()
                       for leaf, array in zip(("kernel", "bias"), pair)}  # fmt: skip
        variables = {v.path: v for v in method.network.trainable_variables}
        checks.assign(variables, self.before, "golden")
        method.state = method.build_state(examples.split(labels.astype(np.uint8)))
        images = golden.seeded.images(502, len(labels), 256, 256)[:, :227, :227, ::-1]  # of BGR
        images = augment.normalize(images, caffe_alexnet.MEAN)
        optimizer = method.optimizer()
        optimizer.build(list(variables.values()))

        @tf.function
        def forward(images, labels, positions):
            outputs = method.activate(method.network(images, training=False))  # without dropout
            batch = base.Batch({"images": labels}, {"images": positions})
            return outputs, tf.add_n(list(method.losses({"images": outputs}, batch).values()))

        @tf.function
        def step(*batch):
            with tf.GradientTape() as tape:
                outputs, loss = forward(*batch)
            watched = list(variables.values())
            optimizer.apply(tape.gradient(loss, [v.value for v in watched]), watched)
            return outputs, loss

        def batch(number):
            one = rows(number)
            return tf.gather(images, one), tf.constant(labels[one], tf.float32), tf.constant(one)

        self.outputs, self.losses = zip(*(step(*batch(number)) for number in range(10)))
        self.last = forward(*batch(0))[1]
        self.after = {path: v.numpy() for path, v in variables.items()}


@pytest.mark.skipif(not golden.LONG, reason="takes 20 s; set TFHASH_LONG_TESTS=1")
@pytest.mark.parametrize(
    "name, outputs, fc8, others",
    [("dch", 1e-2, 0.01, 0.1), ("dtq", 5e-2, 0.05, 0.4)],  # tolerances of the golden README
)
def test_ten_steps_on_alexnet_equal_the_original(name, outputs, fc8, others):
    case = golden.case(f"deephash/train_{name}")
    size, pool, classes = (6, 18, 3) if name == "dch" else (12, 24, 10)
    labels = golden.seeded.one_hot_labels(503, pool, classes)
    steps = Steps(case, name, labels, lambda number: (size * number + np.arange(size)) % pool)
    sure = 10 if name == "dch" else 7  # then DTQ's hinge falls steeply
    np.testing.assert_allclose(steps.losses[:sure], case["out_loss"][:sure], rtol=1e-3)
    np.testing.assert_allclose(steps.losses[sure:], case["out_loss"][sure:], rtol=3e-2)
    np.testing.assert_allclose(steps.outputs, case["out_embedding"], atol=outputs)
    last = case["out_loss_step0_batch_after"]  # of DTQ 0, of losses that began at 30
    np.testing.assert_allclose(steps.last, last, rtol=1e-3, atol=0.03 if name == "dtq" else 0)
    for path, after in steps.after.items():
        layer, leaf = path.split("/")
        key = f"out_{layer}_{'W' if leaf == 'kernel' else 'b'}"
        moved = (after - steps.before[path]).ravel()
        norm = np.linalg.norm(moved.astype(np.float64))
        np.testing.assert_allclose(norm, case[f"{key}_delta_norm"], rtol=2e-2, err_msg=path)
        some = case[f"{key}_delta_sample"]
        places = np.linspace(0, moved.size - 1, 256).astype(int)[: some.size]
        bound = (fc8 if layer == "fc8" else others) * abs(some).max()
        np.testing.assert_allclose(moved[places], some, atol=bound, err_msg=path)


# ---- losses and batches


@pytest.mark.parametrize(
    "name", ["dch_total_onehot", "dch_total_multihot", "dhn_total_cross_entropy",
             "dhn_total_normed_cross_entropy"],
)  # fmt: skip
def test_the_loss_with_its_quantization_equals_the_original(name):
    case = golden.case(f"deephash/loss_{name}")
    module = methods.load(name.split("_")[0])
    given = {
        key: eval(text, {"seeded": golden.seeded}) for key, text in case.meta["inputs"].items()
    }
    changes = settings(case, module.Config) | {"img_model": "tiny"}
    method = module.Method(module.Config(**changes), num_classes=10)
    u, labels = tf.Variable(given["u"]), tf.constant(given["labels"], tf.float32)
    with tf.GradientTape() as tape:
        terms = method.losses({"images": u}, base.Batch({"images": labels}, {}))
        loss = tf.add_n(list(terms.values()))
    np.testing.assert_allclose(terms["pairs"], case["out_cos_loss"], rtol=1e-5)
    np.testing.assert_allclose(terms["quantization"], 0.1 * case["out_q_loss_img"], rtol=1e-5)
    np.testing.assert_allclose(loss, case["out_loss"], rtol=1e-5)
    np.testing.assert_allclose(tape.gradient(loss, u), case["out_grad_loss"], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", ["dch", "dhn", "dqn", "dvsq", "dtq"])
def test_passes_take_the_rows_of_the_original(name, monkeypatch):
    """A batch that no longer fits is dropped and a pass begins anew, of a new order if there is
    one: DTQ's original keeps its order."""
    case = golden.case(f"deephash/dataset_{name}")
    orders = iter(case["in_train_perm"][::2])

    class Given:
        def permutation(self, count):
            return next(orders)

    monkeypatch.setattr(np.random, "default_rng", lambda seed: Given())
    rows = [batch["images"] for batch in samplers.shuffled(10, 4, 9, seed=0, epoch=0)]
    np.testing.assert_array_equal(rows, case["out_train_rows"])


@pytest.fixture(scope="module")
def alexnet():
    """DQN on AlexNet."""
    module = methods.load("dqn")
    return module.Method(module.Config(output_dim=8, n_subspace=2, n_subcenter=4), num_classes=10)


def test_a_saved_file_of_the_original_gives_the_model_back(alexnet, tmp_path):
    alexnet.save_original(tmp_path / "model.npy")
    names = ("conv2/kernel", "fc8/kernel", "fc8/bias", "C")
    saved = {name: alexnet.variables()[name].numpy() for name in names}
    for name in names:
        alexnet.variables()[name].assign(np.zeros_like(saved[name]))
    alexnet.load_original(tmp_path / "model.npy")
    for name in names:
        np.testing.assert_array_equal(alexnet.variables()[name], saved[name])


def weight_file(path, layers):
    """A weight file with `{layer: shape of its kernel}`."""
    arrays = {}
    for layer, shape in layers.items():
        arrays |= {f"{layer}/kernel": np.ones(shape, np.float32),
                   f"{layer}/bias": np.ones(shape[-1], np.float32)}  # fmt: skip
    npy.write(path, arrays)
    return path


@pytest.mark.parametrize(
    "layers, words",
    [
        ({"conv1": (11, 11, 3, 96)}, "lacks conv2/bias.* fc7/kernel"),
        (dict.fromkeys(caffe_alexnet.LAYERS, (3, 4)), r"shape \(.*\), the model needs \("),
        (dict.fromkeys([*caffe_alexnet.LAYERS, "fc8"], (3, 4)), "4 wide in fc8.*--output_dim=4"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(alexnet, tmp_path, layers, words):
    with pytest.raises(ValueError, match=words):
        alexnet.load_original(weight_file(tmp_path / "w.npy", layers))


def test_a_file_that_would_run_code_is_refused(alexnet, tmp_path):
    np.save(tmp_path / "w.npy", np.array({"conv1": print}, dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="print"):
        alexnet.load_original(tmp_path / "w.npy")


def test_a_file_for_another_backbone_is_refused(tmp_path):
    method = methods.load("dch").Method(examples.config("dch"), num_classes=10)
    with pytest.raises(ValueError, match="img_model=tiny"):
        method.load_original(weight_file(tmp_path / "w.npy", {"conv1": (3, 4)}))
