"""Searches images by a trained model: python run_search.py --model=models/48bits --query=new.jpg"""

import contextlib
import sys

from flags import common, quiet
from tfhash import config, settings
from tfhash.search import queries, server, vectors
from tfhash.search.encoder import Encoder
from tfhash.search.session import Session
from tfhash.search.settings import Search


def search(line):
    """Runs the command with its command line."""
    asked = Search.of(line.given)
    if asked.json:
        common.show_log(sys.stderr)
    with contextlib.ExitStack() as stack:
        listening = None
        if asked.serve:  # before anything else, since a port that is taken is known at once
            listening = stack.enter_context(server.bound(asked.host, int(asked.serve)))
        given = None
        if vectors.are_asked(asked.query):
            names, given = vectors.queries(asked.query)
        else:
            names = queries.paths_of(asked.query)
        session = stack.enter_context(contextlib.closing(Session(asked, encoder(line, asked))))
        if names or listening:
            session.start()
        if names:
            show(session, session.find(names, given))
        if listening:
            stack.enter_context(contextlib.closing(server.Server(session, listening))).run()


def show(session, found):
    """Prints what was found, and draws it."""
    json = session.asked.json
    for text in session.json_lines(found) if json else session.lines(found):
        print(text)
    if session.source.pictures and (session.asked.picture or not json):
        common.LOG.info("wrote %s", session.draw(found))


def encoder(line, asked):
    """The `Encoder` of the model that the command line names."""
    if "model" not in line.given:
        raise ValueError("Expected --model=models/NAME or --model=NAME.ckpt. Received none.")
    own = {"model", *config.names(Search), *config.names(settings.Devices)}
    return Encoder(
        line.given["model"],
        own_images=bool(asked.images or asked.index),
        method=line.method,
        given={name: value for name, value in line.given.items() if name not in own},
        start_from=asked.start_from,
        devices=settings.Devices.of(line.given),
        start=quiet.start_tensorflow,
    )


if __name__ == "__main__":
    common.main(search, common.SEARCH, __doc__ + "\n")
