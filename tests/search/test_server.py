"""The page on a port: many at once, large uploads, a port that is taken."""

import concurrent.futures
import contextlib
import http.client
import json
import socket
import threading
import time

import pytest

from tests import examples
from tests.data import photos
from tests.search import small
from tfhash.search import server


@contextlib.contextmanager
def running(session, host="127.0.0.1"):
    """A `Server` that answers, and its port."""
    with server.bound(host, 0) as listening:
        port, made = listening.getsockname()[1], server.Server(session, listening)
    with contextlib.closing(made):
        thread = threading.Thread(target=made.run)
        thread.start()
        try:
            yield made, port
        finally:
            made.stop()
            thread.join()


def ask(port, method, path, body=None, timeout=60):
    """(status, JSON) of a request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    with contextlib.closing(connection):
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


class Held:
    """Holds the first images of a `Batcher` until all others wait too, or a minute has gone.

    Attributes:
        sizes: images computed at once, call by call.
    """

    def __init__(self, batcher, images):
        self._batcher, self._compute, self._images = batcher, batcher._compute, images
        batcher._compute, self.sizes = self, []

    def __call__(self, rows):
        self.sizes.append(len(rows))
        until = time.monotonic() + 60
        while len(self.sizes) == 1 and time.monotonic() < until:
            if len(rows) + self._batcher._waiting.qsize() == self._images:
                break
            time.sleep(0.01)
        return self._compute(rows)


def test_a_hundred_at_once_are_all_answered_and_encoded_together(tmp_path):
    """By a network, whose codes of the ten images are theirs alone."""
    model = examples.model("gpq")
    folder = small.write(tmp_path / "photos", **{f"p{n}": n * 25 for n in range(10)})

    def search(number):
        content = (folder / f"p{number % 10}.png").read_bytes()
        return ask(port, "POST", "/search", content)

    with contextlib.closing(small.session(folder, model, top=1)) as session:
        with running(session) as (made, port):
            held = Held(made._page._uploads._batcher, 100)
            with concurrent.futures.ThreadPoolExecutor(100) as threads:
                answers = list(threads.map(search, range(100)))
    assert [status for status, _ in answers] == [200] * 100
    own = {f"p{n}.png": set() for n in range(10)}
    for number, (_, value) in enumerate(answers):
        own[f"p{number % 10}.png"].add(value["answers"][0]["path"])
    assert all(len(paths) == 1 for paths in own.values())
    assert sum(held.sizes) == 100 and len(held.sizes) <= 5  # 32 at most, but the first


def test_the_refusal_of_a_large_upload_reaches_its_sender(tmp_path):
    folder = small.write(tmp_path / "photos", a=1)
    with contextlib.closing(small.session(folder, most_megabytes=1)) as session:
        with running(session) as (_, port):
            status, value = ask(port, "POST", "/search", bytes(8 * 10**6))
            assert status == 413 and value["error"]
            assert ask(port, "GET", "/health")[0] == 200


def test_an_upload_without_a_length_is_taken(tmp_path):
    folder = small.write(tmp_path / "photos", a=1, b=9)
    with contextlib.closing(small.session(folder)) as session, running(session) as (_, port):
        content = photos.encode(".png", small.plain(9))
        status, value = ask(port, "POST", "/search", iter([content[:50], content[50:]]))
        assert status == 200 and value["answers"][0]["path"] == "b.png"


def test_a_client_that_goes_away_harms_nobody(tmp_path):
    folder = small.write(tmp_path / "photos", a=1)
    with contextlib.closing(small.session(folder)) as session, running(session) as (_, port):
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", port)) as one:
                one.sendall(b"POST /search HTTP/1.1\r\nHost: localhost\r\n")
                one.sendall(b"Content-Length: 999\r\n\r\nx")
        assert ask(port, "GET", "/health")[0] == 200


def test_a_port_that_is_taken_is_refused():
    with server.bound("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"127.0.0.1:{port}: .*in use.*Choose another port"):
            server.bound("127.0.0.1", port)


def test_an_address_that_is_not_ours_is_refused():
    with pytest.raises(ValueError, match="203.0.113.1:0: "):
        server.bound("203.0.113.1", 0)


def test_an_address_that_others_reach_is_said_to_have_no_login(tmp_path, caplog):
    folder = small.write(tmp_path / "photos", a=1)
    with contextlib.closing(small.session(folder)) as session:
        with running(session, "0.0.0.0") as (_, port):
            assert "no login" in caplog.text
            assert ask(port, "GET", "/health")[0] == 200
        caplog.clear()
        with running(session) as (made, port):
            assert made.address == f"http://127.0.0.1:{port}/"
    assert "no login" not in caplog.text
