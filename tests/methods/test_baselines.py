"""Baselines: their codes are those of FAISS itself, to the last bit."""

import faiss
import numpy as np
import pytest

from tests import examples
from tfhash import data
from tfhash.model import Model
from tfhash.training.trainer import Trainer

WIDTH, ITEMS = 16, 300


def vectors(count=ITEMS, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((count, WIDTH)) @ rng.standard_normal((WIDTH, WIDTH))).astype("f4")


def fitted(name, values=None, **changes):
    """The model of a baseline that is fitted to vectors."""
    values = vectors() if values is None else values
    config = examples.config(name, img_model="identity", batch_size=2, **changes)
    model = Model(name, config, classes=("a", "b"), size=(WIDTH,))
    labels = np.eye(2, dtype=np.uint8)[np.arange(len(values)) % 2]
    part = data.Split(data.Vectors(values), np.arange(len(values)), labels, labels.any(axis=1))
    Trainer(model).fit(part, epochs=1)
    return model


def signs(values):
    return (values >= 0).astype(np.uint8)


def transformed(map, values):
    map.train(values)
    return signs(map.apply(values))


def lsh(values, bits):
    index = faiss.IndexLSH(WIDTH, bits)
    return np.unpackbits(index.sa_encode(values), axis=1, bitorder="little")[:, :bits]


BITS = {
    "sign": lambda x: signs(x[:, :8]),
    "pca": lambda x: transformed(faiss.PCAMatrix(WIDTH, 8), x),
    "pca_rotation": lambda x: transformed(faiss.PCAMatrix(WIDTH, 8, 0, True), x),
    "lsh": lambda x: lsh(x, 8),
    "itq": lambda x: transformed(faiss.ITQTransform(WIDTH, 8, True), x),
}


@pytest.mark.parametrize("name", BITS)
def test_bits_equal_those_of_faiss(name):
    values = vectors()
    np.testing.assert_array_equal(fitted(name, bits=8).encode(values).unpack(), BITS[name](values))


def test_lsh_has_more_bits_than_dimensions():
    np.testing.assert_array_equal(
        fitted("lsh", bits=24).encode(vectors()).unpack(), lsh(vectors(), 24)
    )


@pytest.mark.parametrize("name", ["sign", "pca", "pca_rotation", "itq"])
def test_more_bits_than_dimensions_are_refused_elsewhere(name):
    with pytest.raises(ValueError, match="up to 16, .*Received: 17. Use --bits=16"):
        fitted(name, bits=17)


def numbers(quantizer, values, bits):
    quantizer.train(values)
    return faiss.unpack_bitstrings(quantizer.compute_codes(values), 4, bits)


QUANTIZERS = {
    "pq": faiss.ProductQuantizer,
    "rq": faiss.ResidualQuantizer,
    "lsq": faiss.LocalSearchQuantizer,
}


@pytest.mark.parametrize("name, bits", [(name, bits) for name in QUANTIZERS for bits in (3, 4)])
def test_codewords_equal_those_of_faiss(name, bits):
    codes = fitted(name, codebooks=4, codeword_bits=bits).encode(vectors())
    quantizer = QUANTIZERS[name](WIDTH, 4, bits)
    np.testing.assert_array_equal(codes.codes, numbers(quantizer, vectors(), bits))
    books = quantizer.centroids if name == "pq" else quantizer.codebooks
    np.testing.assert_array_equal(codes.codebooks.ravel(), faiss.vector_to_array(books))


def test_opq_equals_the_index_of_faiss():
    model, values = fitted("opq", codebooks=4, codeword_bits=4), vectors()
    index = faiss.index_factory(WIDTH, "OPQ4,PQ4x4np")
    index.train(values)
    packed = faiss.unpack_bitstrings(index.sa_encode(values), 4, 4)
    np.testing.assert_array_equal(model.encode(values).codes, packed)
    index.add(values)
    expected, _ = index.search(values[:5], 9)
    found = np.sort(model.encode(values).distances(model.queries(values[:5])), axis=1)[:, :9]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_rabitq_equals_the_index_of_faiss():
    model, values = fitted("rabitq", dimensions=8), vectors()
    map = faiss.PCAMatrix(WIDTH, 8, 0, True)
    map.train(values)
    rotated, index = map.apply(values), faiss.IndexRaBitQ(8, faiss.METRIC_L2)
    index.train(rotated)
    codes = model.encode(values)
    np.testing.assert_array_equal(codes.signs, index.sa_encode(rotated)[:, :1])
    index.add(rotated)
    index.qb = 0
    expected, _ = index.search(rotated[:5], 9)
    found = np.sort(codes.distances(model.queries(values[:5])), axis=1)[:, :9]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", ["itq", "pq"])
def test_on_images_it_codes_the_features_of_the_backbone(name):
    splits, changes = examples.splits(), {"bits": 8, "codebooks": 4, "codeword_bits": 3}
    trainer = examples.trainer(name, changes)
    trainer.fit(splits.train, epochs=1, steps_per_epoch=1)
    backbone = examples.model("float")
    train, database = (backbone.embed(part) for part in (splits.train, splits.database))
    codes = trainer.model.encode(splits.database)
    if codes.hamming:
        map = faiss.ITQTransform(train.shape[1], 8, True)
        map.train(train)
        np.testing.assert_array_equal(codes.unpack(), signs(map.apply(database)))
    else:
        quantizer = faiss.ProductQuantizer(train.shape[1], 4, 3)
        quantizer.train(train)
        packed = faiss.unpack_bitstrings(quantizer.compute_codes(database), 4, 3)
        np.testing.assert_array_equal(codes.codes, packed)


def test_floats_are_the_vectors():
    np.testing.assert_array_equal(fitted("float").encode(vectors()).vectors, vectors())


@pytest.mark.parametrize("name", ["lsh", "itq", "pq", "rq"])
def test_another_seed_fits_otherwise(name):
    one, other = fitted(name, bits=8).recipe.head, fitted(name, bits=8).recipe.head
    for head, seed in ((one, 1), (other, 2)):
        head.fit(vectors(), seed=seed)
    assert any(
        not np.array_equal(array, other.values()[key]) for key, array in one.values().items()
    )


@pytest.mark.parametrize("name", ["pq", "opq", "rq"])
def test_fewer_items_than_codewords_are_refused(name):
    with pytest.raises(ValueError, match="Expected 32 .*Received: 20. Use --codeword_bits=4"):
        fitted(name, vectors(20), codebooks=2, codeword_bits=5)
    with pytest.raises(ValueError, match="Received: 20. Use --codeword_bits=4"):
        fitted(name, codebooks=2, codeword_bits=5, fit_items=20)


@pytest.mark.parametrize(
    "name, count, changes, way_out",
    [
        ("pca", 7, {"bits": 8}, "--bits=7"),
        ("itq", 7, {"bits": 8}, "--bits=7"),
        ("rabitq", 7, {"dimensions": 8}, "--bits=71"),
        ("opq", WIDTH - 1, {"codebooks": 2, "codeword_bits": 2}, "--method=pq"),
        ("rq", WIDTH - 1, {"codebooks": 2, "codeword_bits": 2}, "--method=lsq"),
    ],
)
def test_the_fewest_items_that_faiss_can_fit_to(name, count, changes, way_out):
    """With one item less it aborts, or writes beyond its memory."""
    with pytest.raises(
        ValueError, match=f"Expected {count + 1} .*Received: {count}. Use {way_out}"
    ):
        fitted(name, vectors(count), **changes)
    assert len(fitted(name, vectors(count + 1), **changes).encode(vectors())) == ITEMS


def test_segments_that_do_not_share_the_width_are_refused_with_those_that_do():
    with pytest.raises(ValueError, match="5 segments, --bits=20. Use --bits=16 or --bits=32"):
        fitted("pq", codebooks=5, codeword_bits=4)


def test_opq_drops_dimensions_that_no_segment_has():
    codes = fitted("opq", codebooks=5, codeword_bits=4).encode(vectors())
    assert codes.codes.shape == (ITEMS, 5) and codes.dim == 15


def test_it_is_fitted_to_no_more_items_than_asked_for():
    """To ten items of one place, and so not to the rest."""
    values = vectors(50)
    model = fitted("pca", values, bits=2, fit_items=10)
    kept = np.sort(np.random.default_rng(0).permutation(np.arange(50))[:10])
    np.testing.assert_array_equal(
        model.encode(values).unpack(), fitted("pca", values[kept], bits=2).encode(values).unpack()
    )


def test_a_classifier_gives_an_item_the_code_of_its_class():
    model = examples.model("classifier", {"bits": 16}).recipe
    logits = np.float32([[0, 3, 1], [9, 0, 0], [0, 4, 0]])
    codes = model.head.codes(np.pad(logits, ((0, 0), (0, 7))))
    centers = model.head.centers.numpy()
    np.testing.assert_array_equal(codes.unpack(), centers[[1, 0, 1]] > 0)
    assert len(np.unique(centers, axis=0)) == 10
