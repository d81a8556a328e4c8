"""The page on a port of this machine."""

import logging
import socket

from werkzeug import serving

from tfhash.search.page import Page

LOCAL = ("127.0.0.1", "localhost", "::1", "[::1]")
SECONDS = 30  # that a client may be silent
WAITING = 256  # connections that are not accepted yet
LOG = logging.getLogger("tfhash")


class Handler(serving.WSGIRequestHandler):
    """One request, by HTTP/1.1 so that `Expect: 100-continue` is answered; no line in a log."""

    protocol_version = "HTTP/1.1"
    timeout = SECONDS

    def log(self, type, message, *args):
        pass


def bound(host, port):
    """A socket that listens; before models are loaded, so that a bad address is known at once.

    Raises:
        ValueError: the port is taken, or there is no such address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(WAITING)
    except OSError as error:
        listening.close()
        raise ValueError(
            f"The page can't be shown at {host}:{port}: {error.strerror}. Choose another port as "
            "--serve, or end what uses it."
        ) from error
    return listening


class Server:
    """The page of a started `Session` on a socket of `bound`.

    Attributes:
        address: of the page, for a browser.
    """

    def __init__(self, session, listening):
        host, port = listening.getsockname()[:2]
        local = host in LOCAL
        if not local:
            LOG.warning("The page has no login: whoever reaches %s:%d sees all images.", host, port)
        self.address = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
        self._page = Page(session, LOCAL if local else None)
        # It copies the socket, which its owner closes.
        options = {"threaded": True, "request_handler": Handler, "fd": listening.fileno()}
        self._server = serving.make_server(host, port, self._page, **options)

    def run(self):
        """Answers until `stop` is called, or Ctrl-C."""
        LOG.info("The page is at %s (Ctrl-C ends it)", self.address)
        self._server.serve_forever(poll_interval=0.1)

    def stop(self):
        """Ends `run`, from another thread."""
        self._server.shutdown()

    def close(self):
        """Lets go of the port, once `run` has ended."""
        self._server.server_close()
        self._page.close()
