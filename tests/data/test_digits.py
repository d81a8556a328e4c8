import numpy as np
import pytest

from tfhash.data import checks, digits


@pytest.fixture(scope="module")
def found():
    return digits.load()


def test_all_digits_are_parted_as_said(found):
    assert [len(part) for part in found.parts().values()] == [1697, 100, 1697]
    assert found.train.labelled.sum() == 500
    checks.check(found)


def test_queries_are_ten_of_each_class(found):
    assert found.query.labels.sum(axis=0, dtype=int).tolist() == [10] * 10


def test_the_database_is_everything_but_the_queries(found):
    assert sorted([*found.query.index, *found.database.index]) == list(range(1797))


def test_images_are_16_pixels_rgb_of_the_full_range(found):
    pixels = found.database.read(np.arange(1697))
    assert pixels.shape == (1697, 16, 16, 3) and pixels.dtype == np.uint8
    assert pixels.min() == 0 and pixels.max() == 255
    np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])


def test_eight_pixels_are_the_stored_values():
    from sklearn import datasets

    part = digits.load((8, 8)).query
    stored = datasets.load_digits().images[part.index]
    np.testing.assert_allclose(part.read(np.arange(100))[..., 1], stored * 255 / 16, atol=0.5)


def test_the_seed_decides_the_split(found):
    assert digits.load(seed=0).query.index.tolist() == found.query.index.tolist()
    assert digits.load(seed=1).query.index.tolist() != found.query.index.tolist()
