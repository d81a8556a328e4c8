"""Vectors are searched as images are: by a model of them, in a terminal and on a page."""

import contextlib
import io
import json

import numpy as np
import pytest
from werkzeug.test import Client

import run_search
import run_train
from tests.search import small
from tfhash.search import indexing, page, sources, vectors
from tfhash.search.session import Session
from tfhash.search.settings import Search

WIDTH = 6


class Model(small.Model):
    """The output of a vector is its first number, which `small.Head` makes the code of."""

    def __init__(self):
        super().__init__()
        self.size = (WIDTH,)

    def embed_resized(self, values):
        return np.asarray(values, np.float32)

    def embed(self, values, *, batch_size=None):
        return self.embed_resized(values)


def of_values(*values):
    """Vectors `[n, 6]` whose codes have so many ones."""
    rows = np.ones((len(values), WIDTH), np.float32)
    rows[:, 0] = values
    return rows


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Vectors with ids, and no labels."""
    monkeypatch.chdir(tmp_path)
    np.save("vectors.npy", of_values(1, 5, 9))
    (tmp_path / "ids.txt").write_text("one\nfive\nnine\n")
    return tmp_path / "vectors.npy"


@contextlib.contextmanager
def started(file, **asked):
    place = {"images": f"embeddings:{file}", "index": "index"}
    with contextlib.closing(Session(Search(**place | asked), small.Encoder(Model()))) as made:
        made.start()
        yield made


def test_a_vector_finds_those_nearest_to_it(file):
    np.save("new.npy", of_values(6, 1))
    names, given = vectors.queries(["new.npy"])
    with started(file, top=2) as session:
        lines = list(session.lines(session.find(names, given)))
    assert lines == [
        "new.npy#0",
        "    1         1  five",
        "    2         3  nine",
        "new.npy#1",
        "    1         0  one",
        "    2         4  five",
    ]


def test_only_vectors_that_have_changed_are_encoded_again(file):
    update = indexing.update(
        "index", sources.of_images(f"embeddings:{file}"), small.Encoder(Model())
    )
    assert (update.indexed, update.unchanged) == (3, 0)
    np.save(file, of_values(1, 6, 9))
    model = Model()
    update = indexing.update("index", sources.of_images(f"embeddings:{file}"), small.Encoder(model))
    assert (update.indexed, update.unchanged, model.encoded) == (1, 2, ["five"])


def test_an_index_of_vectors_is_opened_by_its_name_alone(file):
    with started(file):
        pass
    with contextlib.closing(
        Session(Search(index="index", query=("x.npy",)), small.Encoder())
    ) as one:
        assert one.source.names == ("one", "five", "nine")


def test_ids_that_come_twice_are_an_error(file):
    file.with_name("ids.txt").write_text("one\none\nnine\n")
    with pytest.raises(ValueError, match="different id for each vector .* 1 of 3 come again"):
        sources.of_images(f"embeddings:{file}")


def test_queries_of_vectors_and_images_are_not_mixed():
    assert vectors.are_asked(["a.npy", "b.npy"]) and not vectors.are_asked(["a.png"])
    with pytest.raises(ValueError, match="as .npy files of vectors. Received: 'a.png'"):
        vectors.are_asked(["a.npy", "a.png"])


def test_queries_of_other_widths_are_an_error(file):
    np.save("a.npy", of_values(1))
    np.save("b.npy", np.ones((1, 2), np.float32))
    with pytest.raises(ValueError, match=r"one width. Received: \[2, 6\]"):
        vectors.queries(["a.npy", "b.npy"])


# ---- the page


def npy(values):
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


@pytest.fixture
def client(file):
    with started(file, top=2) as session, contextlib.closing(page.Page(session)) as made:
        yield Client(made)


def test_the_page_searches_by_a_vector_and_on_from_an_answer(client):
    assert json.loads(client.get("/health").data)["pictures"] is False
    for words in ({"data": npy(of_values(8))}, {"data": npy(of_values(8)[0])}):
        first, second = json.loads(client.post("/search", **words).data)["answers"]
        assert (first["path"], first["distance"], first["image"]) == ("nine", 1, None)
        assert (second["path"], second["distance"]) == ("five", 3)
    number = {"number": first["number"]}
    found = json.loads(client.post("/search", query_string=number).data)
    assert [one["path"] for one in found["answers"]] == ["nine", "five"]


@pytest.mark.parametrize(
    "content", [b"", b"x", npy(np.ones(5, "f4")), npy(of_values(1, 2)), npy(of_values(np.nan))]
)
def test_what_is_no_vector_is_refused(client, content):
    answer = client.post("/search", data=content)
    assert answer.status_code == 400
    assert "one vector of 6 finite floats" in json.loads(answer.data)["error"]


def test_a_vector_has_no_image(client):
    assert client.get("/images/1").status_code == 404


# ---- the command


def test_the_command_searches_the_vectors_of_a_model(run, file):
    rng = np.random.default_rng(0)
    np.save("vectors.npy", rng.standard_normal((60, WIDTH)).astype(np.float32))
    np.save("labels.npy", np.arange(60) % 3)
    (file.parent / "ids.txt").write_text("".join(f"id{n}\n" for n in range(60)))
    np.save("new.npy", np.load("vectors.npy")[:1])
    quick = ("--bits=16", "--iter_num=2", "--batch_size=8", "--model=m")
    assert run(run_train, "--method=dch", f"--dataset=embeddings:{file}", *quick)[0] == 0
    line = ("--model=m", f"--images=embeddings:{file}", "--query=new.npy", "--top=60")
    status, shown, errors = run(run_search, *line)
    assert status == 0, errors
    assert "indexed 60, unchanged 0" in shown and "new.npy#0" in shown and "wrote" not in shown
    distances = [int(text.split()[1]) for text in shown.splitlines() if text.endswith("id0")]
    assert distances == [0]
    np.save("new.npy", np.ones((1, 3), np.float32))
    status, _, errors = run(run_search, *line)
    assert status == 2 and "Expected vectors of 6 numbers" in errors
