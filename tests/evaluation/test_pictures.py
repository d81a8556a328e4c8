import numpy as np
import pytest

from tfhash.evaluation import pictures


def test_a_ranked_list_frames_relevant_images_green_and_others_red():
    white = np.full((1, 2, 8, 8, 3), 255, np.uint8)
    relevant = np.array([[True, False]])
    figure = pictures.ranked_lists(white[:, 0], white, relevant, titles=["cat"])
    query, hit, miss = figure.axes

    def frame(axes):
        return pictures_hex(axes.spines["left"].get_edgecolor())

    assert (frame(hit), frame(miss)) == (pictures.RELEVANT, pictures.WRONG)
    assert query.get_xlabel() == "cat  1/2"


def pictures_hex(colour):
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour[:3])


@pytest.mark.parametrize("count", [4, 30])
def test_an_embedding_shows_every_item_once(count):
    outputs = np.random.default_rng(0).normal(size=(count, 8)).astype(np.float32)
    labels = np.eye(2, dtype=np.uint8)[np.arange(count) % 2]
    figure = pictures.embedding(outputs, labels, ("a", "b"))
    shown = sum(len(part.get_offsets()) for part in figure.axes[0].collections)
    assert shown == count


def test_a_saved_picture_is_a_png(tmp_path):
    image = np.zeros((1, 1, 8, 8, 3), np.uint8)
    figure = pictures.ranked_lists(image[:, 0], image, np.array([[True]]))
    path = pictures.save(figure, tmp_path / "new" / "a.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in path.parent.iterdir()] == ["a.png"]
