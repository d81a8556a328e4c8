"""DVSQ takes word vectors from files and keeps them."""

import numpy as np
import pytest

from tests import examples, golden
from tfhash import methods
from tfhash.model import Model


def test_word_vectors_stay_with_the_model_when_their_file_is_gone(tmp_path):
    np.savetxt(tmp_path / "words.txt", golden.seeded.embeddings(0, 10, 16))
    model = examples.model("dvsq", {"wordvec_dict": str(tmp_path / "words.txt")})
    expected = model.recipe.word_vectors()
    model.save(tmp_path / "m")
    (tmp_path / "words.txt").unlink()
    loaded = Model.load(tmp_path / "m")
    np.testing.assert_array_equal(loaded.recipe.word_vectors(), expected)


def test_word_vectors_come_from_names(tmp_path):
    lines = [f"{name} " + " ".join([str(n + 1)] * 16) for n, name in enumerate("abcdefghij")]
    (tmp_path / "glove.txt").write_text("\n".join(lines))
    settings = {"word_vectors": str(tmp_path / "glove.txt"), "class_names": "j,i,h,g,f,e,d,c,b,a"}
    config = examples.config("dvsq", wordvec_dict="", **settings)
    recipe = methods.load("dvsq").Method(config, num_classes=10)
    np.testing.assert_array_equal(recipe.word_vectors()[:, 0], np.arange(10, 0, -1))


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"wordvec_dict": ""}, "--wordvec_dict=FILE .* --wordvec_dict=orthogonal"),
        ({"wordvec_dict": "nowhere.txt"}, "nowhere.txt"),
        ({"wordvec_dict": "", "word_vectors": "v.txt", "class_names": "a,b"}, "10 names.*: 2"),
        ({"output_dim": 10}, "output_dim=10, 10 classes"),
    ],
)
def test_word_vectors_that_do_not_fit_are_an_error_before_training(settings, words):
    recipe = methods.load("dvsq").Method(examples.config("dvsq", **settings), num_classes=10)
    with pytest.raises(ValueError, match=words):
        recipe.steps_per_epoch(examples.splits().train)


@pytest.mark.parametrize("asked", ["wordvec_dict", "names"])
def test_a_stored_model_without_word_vectors_has_no_file_read(tmp_path, asked):
    """Its settings may be a stranger's."""
    np.savetxt(tmp_path / "words.txt", golden.seeded.embeddings(0, 10, 16))
    settings = {"wordvec_dict": str(tmp_path / "words.txt")}
    if asked == "names":
        settings |= {"word_vectors": str(tmp_path / "words.txt"), "class_names": "a,b"}
    examples.model("dvsq", settings).save(tmp_path / "m")
    loaded = Model.load(tmp_path / "m")
    with pytest.raises(ValueError, match="word vectors of this stored model are all zero"):
        loaded.recipe.word_vectors()
