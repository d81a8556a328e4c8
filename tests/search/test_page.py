"""The page and what programs ask of it, without a network."""

import contextlib
import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from werkzeug.test import Client

from tests.data import photos
from tests.search import small
from tfhash.search import page


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder of images with 0 to 9 ones in their codes, and a page to search them on."""
    folder = tmp_path_factory.mktemp("place") / "photos"
    small.write(folder, **{f"{'odd' if n % 2 else 'even'}__p{n}": n for n in range(10)})
    limits = {"most_megabytes": 1, "most_megapixels": 1, "top": 3}
    with contextlib.closing(small.session(folder, **limits)) as session:
        with contextlib.closing(page.Page(session, ("localhost",))) as made:
            yield folder, made


@pytest.fixture
def client(place):
    """What asks the page."""
    return Client(place[1])


def png(image):
    return photos.encode(".png", image)


def answered(response, status=200):
    """The JSON of a response."""
    assert response.status_code == status, response.get_data(as_text=True)
    return json.loads(response.get_data(as_text=True))


def search(client, content=b"", status=200, **words):
    return answered(client.post("/search", data=content, query_string=words), status)


def test_health_says_what_is_searched_and_what_is_taken(client):
    assert answered(client.get("/health")) == {
        "status": "ok",
        "images": 10,
        "bits": small.BITS,
        "top": 3,
        "most_bytes": 10**6,
        "most_pixels": 10**6,
        "pictures": True,
    }


def test_an_image_finds_those_nearest_to_it(client):
    value = search(client, png(small.plain(4)))
    assert (value["query"], value["images"]) == ({"number": None}, 10)
    first = value["answers"][0]
    assert (first["rank"], first["distance"], first["path"]) == (1, 0, "even/p4.png")
    assert re.fullmatch(rf"/images/{first['number']}\?version=[0-9a-f]+", first["image"])
    assert [one["distance"] for one in value["answers"]] == [0, 1, 1]
    assert set(value["milliseconds"]) == {"encoding", "search"}


def test_an_answer_is_searched_on_from_by_its_number(client):
    number = search(client, png(small.plain(4)))["answers"][0]["number"]
    value = search(client, number=number, top=1)
    assert value["query"] == {"number": number}
    assert [one["number"] for one in value["answers"]] == [number]


def test_only_what_lies_within_a_pattern_is_found(client):
    value = search(client, png(small.plain(4)), within="odd/*", top=9)
    assert len(value["answers"]) == 5
    assert all(one["path"].startswith("odd/") for one in value["answers"])


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp", ".tiff"])
def test_images_of_all_kinds_are_taken(client, suffix):
    content = photos.encode(suffix, small.plain(6))
    assert search(client, content)["answers"][0]["path"] == "even/p6.png"


def test_an_image_on_its_side_is_turned(client, place):
    """The first pixel, which makes the code, is that of the image as a person sees it."""
    image = small.plain(2)
    image[8:] = 7
    lying = photos.with_orientation(photos.encode(".jpg", np.rot90(image, 1)), 6)
    assert search(client, lying)["answers"][0]["path"] == "even/p2.png"


@pytest.mark.parametrize("upright, nearest", [(True, "as_seen.png"), (False, "as_stored.png")])
def test_an_answer_is_turned_as_its_model_takes_images(tmp_path, upright, nearest):
    """The first pixel of `lying.jpg` is 2 as a person sees it, and 7 as it is stored."""
    image = small.plain(2)
    image[8:] = 7
    lying = photos.with_orientation(photos.encode(".jpg", np.rot90(image, -1)), 8)
    folder = small.write(tmp_path / "photos", as_seen=2, as_stored=7)
    photos.write(folder / "lying.jpg", lying)
    model = small.Model()
    model.recipe.input.upright = upright
    with contextlib.closing(small.session(folder, model)) as session:
        with contextlib.closing(page.Page(session)) as made:
            number = session.store.entry("lying.jpg")[0]
            answers = search(Client(made), number=number)["answers"]
    assert nearest in [one["path"] for one in answers if one["distance"] == 0]


def test_images_are_served_by_their_number_as_small_jpegs(client, place):
    number = search(client, png(small.plain(4)))["answers"][0]["number"]
    response = client.get(f"/images/{number}")
    assert response.mimetype == "image/jpeg" and "max-age" in response.headers["Cache-Control"]
    image = np.asarray(Image.open(io.BytesIO(response.get_data())))
    assert image.shape == (16, 16, 3) and abs(int(image[0, 0, 0]) - 4) < 3
    response = client.get(f"/images/{number}?side=8")
    assert Image.open(io.BytesIO(response.get_data())).size == (8, 8)


def test_an_image_that_has_gone_is_not_found(client, place):
    folder, _ = place
    number = search(client, png(small.plain(9)))["answers"][0]["number"]
    (folder / "odd/p9.png").rename(folder / "away")
    assert "can't be read" in answered(client.get(f"/images/{number}?side=99"), 404)["error"]
    assert "odd/p9.png" in search(client, number=number, status=400)["error"]
    (folder / "away").rename(folder / "odd/p9.png")


# ---- what is refused


@pytest.mark.parametrize(
    "content, words, status",
    [
        (b"", {}, 400),
        (b"no image", {}, 400),
        (png(photos.pattern())[:200], {}, 400),
        (b"", {"number": "99"}, 404),
        (b"", {"number": "-1"}, 400),
        (b"", {"number": "1e3"}, 400),
        (b"", {"number": "9" * 500}, 404),
        (png(small.plain(1)), {"top": "0"}, 400),
        (png(small.plain(1)), {"top": "many"}, 400),
        (png(small.plain(1)), {"within": "nothing/*"}, 400),
    ],
)
def test_what_can_not_be_done_says_why(client, content, words, status):
    assert search(client, content, status, **words)["error"]


def test_an_image_of_a_phone_that_can_not_be_read_says_what_is_missing(client, monkeypatch):
    monkeypatch.setattr("tfhash.data.decoding.suffixes", lambda: frozenset([".jpg"]))
    heic = b"\0\0\0\x18ftypheic" + bytes(40)
    assert "pip install pillow-heif" in search(client, heic, 400)["error"]


def test_an_upload_of_too_many_bytes_is_refused(client):
    assert search(client, bytes(10**6 + 1), 413)["error"]


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(client, monkeypatch):
    """A file of some kilobytes, of 100 megapixels of one colour."""
    file = io.BytesIO()
    Image.new("1", (10000, 10000)).save(file, "PNG")
    assert len(file.getvalue()) < 20000
    decoded = []
    monkeypatch.setattr(page.Uploads, "_embedded", decoded.append)
    monkeypatch.setattr("tfhash.data.decoding.decode_bytes", decoded.append)
    assert "up to 1 megapixels. It has 100.0" in search(client, file.getvalue(), 413)["error"]
    assert not decoded


def test_even_more_pixels_are_refused(client):
    """As many as the header of a BMP can say, in 54 bytes."""
    header = b"BM" + (54).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
    sizes = (40).to_bytes(4, "little") + 2 * (2**20).to_bytes(4, "little")
    content = header + sizes + b"\1\0\x18\0" + bytes(24)
    assert "megapixels" in search(client, content, 413)["error"]


@pytest.mark.parametrize("path", ["/nowhere", "/images/x", "/images/../photos", "/images/0"])
def test_unknown_paths_are_not_found(client, path):
    assert answered(client.get(path), 404)["error"]


def test_another_method_is_not_allowed(client):
    assert answered(client.get("/search"), 405)["error"]


def test_another_host_is_refused(client):
    """A site whose name leads to this address must not read the images."""
    response = client.get("/health", headers={"Host": "evil.example:8000"})
    assert "Expected one of the hosts" in answered(response, 403)["error"]


def test_an_error_of_ours_is_one_of_500_and_in_the_log(client, place, monkeypatch, caplog):
    def fail(*given):
        raise RuntimeError("a secret path")

    monkeypatch.setattr(place[1].session.searcher, "search", fail)
    error = search(client, png(small.plain(1)), 500)["error"]
    assert "secret" not in error and "a secret path" in caplog.text


# ---- the page itself


def test_every_answer_says_what_a_browser_may_do_with_it(client):
    for path in ("/", "/health", "/nowhere"):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'self'; ") and "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_names_no_other_address(client):
    html = client.get("/").get_data(as_text=True)
    assert not re.findall(r"(?:https?:)?//[\w.]+\.\w+", html)
    assert not re.findall(r"<(?:script|link|style)[^>]+>", html)
    assert html.count("<script>") == html.count("<style>") == 1
