"""The page of a search, and what programs ask of it, as a WSGI application.

    GET /                  the page
    GET /health            {"status": "ok", "images": 578, "bits": 48, ...}
    POST /search           the bytes of an image file, or of an .npy file with a vector where the
                           model takes these -> the images or vectors nearest to it
    POST /search?number=3  the images nearest to image 3 of the index
    GET /images/3          image 3 as a JPEG of up to 320 pixels a side; ?side=1200 of up to that

`top` and `within` behind /search are as the command's. The answer:

    {"query": {"number": null}, "images": 578, "milliseconds": {"encoding": 21.5, "search": 0.4},
     "answers": [{"rank": 1, "number": 3, "distance": 4, "path": "a/b.jpg", "image": "/images/3"}]}

What can't be done gives {"error": "why"}, and 400 for what is no image, 404 for an unknown number,
413 for an image that is too large.
"""

import base64
import functools
import hashlib
import importlib.resources
import json
import logging
import os
import re
import secrets
import time

from werkzeug import exceptions, routing, wrappers

from tfhash.data.images import resize
from tfhash.search.uploads import Uploads, VectorUploads

SIDE, MOST_SIDE = 320, 1600  # pixels of an image that is sent
KEPT = 1024  # images of `SIDE` pixels that are kept
TOP = 1000  # answers at most
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
LOG = logging.getLogger("tfhash")
ROUTES = routing.Map(
    [
        routing.Rule("/", endpoint="page", methods=["GET"]),
        routing.Rule("/favicon.ico", endpoint="icon", methods=["GET"]),
        routing.Rule("/health", endpoint="health", methods=["GET"]),
        routing.Rule("/search", endpoint="search", methods=["POST"]),
        routing.Rule("/images/<int:number>", endpoint="image", methods=["GET"]),
    ]
)


class Page:
    """The application.

    Args:
        session: a `Session` that has been started.
        hosts: names that it answers to; None for any.
    """

    def __init__(self, session, hosts=None):
        self.session, self.hosts, self.source = session, hosts, session.source
        kind = Uploads if self.source.pictures else VectorUploads
        self._uploads = kind(session.model, session.asked)
        html = importlib.resources.files("tfhash.search").joinpath("page.html").read_text("utf-8")
        self._html, self._headers = html, HEADERS | {"Content-Security-Policy": policy(html)}
        self._version = secrets.token_hex(4)  # a browser keeps images, not those of another index
        self._thumbnail = functools.lru_cache(KEPT)(self._jpeg)

    def close(self):
        """Ends the thread that encodes."""
        self._uploads.close()

    def __call__(self, environ, start_response):
        request = wrappers.Request(environ)
        request.max_content_length = self._uploads.most_bytes
        try:
            response = self._answer(request)
        except exceptions.HTTPException as error:
            response = _json({"error": error.description}, error.code)
        except ValueError as error:
            response = _json({"error": str(error)}, 400)
        except Exception:
            LOG.exception("The page could not answer %s %s.", request.method, request.path)
            response = _json({"error": "The page could not answer. Its log says why."}, 500)
        response.headers.extend(self._headers)
        return response(environ, start_response)

    def _answer(self, request):
        host = request.host.rpartition(":")[0] or request.host
        if self.hosts and host.lower() not in self.hosts:  # a site that has taken this address
            raise exceptions.Forbidden(f"Expected one of the hosts {', '.join(self.hosts)}.")
        endpoint, values = ROUTES.bind_to_environ(request.environ).match()
        return getattr(self, f"_{endpoint}")(request, **values)

    def _page(self, request):
        return wrappers.Response(self._html, mimetype="text/html")

    def _icon(self, request):
        return wrappers.Response(status=204)

    def _health(self, request):
        asked, searcher = self.session.asked, self.session.searcher
        return _json(
            {
                "status": "ok",
                "images": len(searcher),
                "bits": searcher.codes.bits,
                "top": asked.top,
                "most_bytes": self._uploads.most_bytes,
                "most_pixels": self._uploads.most_pixels,
                "pictures": self.source.pictures,
            }
        )

    def _search(self, request):
        begun = time.perf_counter()
        number = _whole(request.args, "number", None)
        if number is None:
            outputs = self._uploads.encoded(request.get_data(cache=False))
        else:
            outputs = self._uploads.stored(self.source, self._name(number))
        encoded = time.perf_counter()
        top = min(_whole(request.args, "top", self.session.asked.top), TOP)
        within = request.args.get("within", "")
        [answers] = self.session.searcher.search(outputs[None], top, within)
        milliseconds = {
            "encoding": round(1000 * (encoded - begun), 2),
            "search": round(1000 * (time.perf_counter() - encoded), 2),
        }
        return _json(
            {
                "query": {"number": number},
                "images": len(self.session.searcher),
                "milliseconds": milliseconds,
                "answers": [
                    {
                        "rank": one.rank,
                        "number": one.number,
                        "distance": one.distance,
                        "path": os.fsencode(one.name).decode(errors="replace"),
                        "image": self._place(one.number),
                    }
                    for one in answers
                ],
            }
        )

    def _place(self, number):
        """Where the page finds the image of a number; None for a vector."""
        return f"/images/{number}?version={self._version}" if self.source.pictures else None

    def _image(self, request, number):
        if not self.source.pictures:
            raise exceptions.NotFound("The index is one of vectors.")
        side = min(_whole(request.args, "side", SIDE), MOST_SIDE)
        jpeg = (self._thumbnail if side == SIDE else self._jpeg)(number, side)
        response = wrappers.Response(jpeg, mimetype="image/jpeg")
        response.headers["Cache-Control"] = "private, max-age=86400"
        return response

    def _name(self, number):
        name = self.session.store.names([number]).get(number)
        if name is None:
            raise exceptions.NotFound(f"The index has no image {number}.")
        return name

    def _jpeg(self, number, side):
        """The image of a number as a JPEG of up to so many pixels a side."""
        import cv2

        try:
            with self._uploads.few:
                image = self.source.image(self._name(number))
        except ValueError as error:
            raise exceptions.NotFound(f"Image {number} can't be read any more.") from error
        scale = min(1, side / max(image.shape[:2]))
        size = tuple(max(1, round(scale * length)) for length in image.shape[:2])
        done, jpeg = cv2.imencode(".jpg", resize(image, size)[:, :, ::-1])
        return jpeg.tobytes()


def _whole(values, name, default):
    """A whole number over 0 among what stands behind a path; the default where there is none."""
    text = values.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:18]):
        raise exceptions.BadRequest(
            f"Expected {name} as a whole number over 0. Received: {text!r}."
        )
    return int(text[:18])  # SQLite has 64 bits


def _json(value, status=200):
    text = json.dumps(value, allow_nan=False)
    response = wrappers.Response(text, status=status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def policy(html):
    """The Content-Security-Policy of a page: nothing but itself, its own style and script."""
    hashes = {
        tag: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for tag, text in re.findall(r"<(style|script)>(.*?)</\1>", html, re.DOTALL)
    }
    return (
        f"default-src 'self'; style-src 'sha256-{hashes['style']}'; "
        f"script-src 'sha256-{hashes['script']}'; img-src 'self' blob:; object-src 'none'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
