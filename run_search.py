"""Searches images by a trained model: python run_search.py --model=models/48bits --query=new.jpg"""

import contextlib
import sys

from flags import common, quiet
from tfhash import config, settings
from tfhash.search import queries, server
from tfhash.search.encoder import Encoder
from tfhash.search.session import Session
from tfhash.search.settings import Search


def search(line):
    """Runs the command with its command line."""
    asked = Search.of(line.given)
    if asked.json:
        common.show_log(sys.stderr)
    listening = server.bound(asked.host, int(asked.serve)) if asked.serve else None
    paths = queries.paths_of(asked.query)
    with contextlib.closing(Session(asked, encoder(line, asked))) as session:
        if paths or listening:
            session.start()
        if paths:
            show(session, session.find(paths))
        if listening:
            with contextlib.closing(server.Server(session, listening)) as page:
                common.LOG.info("The page is at %s (Ctrl-C ends it)", page.address)
                page.run()


def show(session, found):
    """Prints what was found, and draws it."""
    json = session.asked.json
    for text in session.json_lines(found) if json else session.lines(found):
        print(text)
    if session.asked.picture or not json:
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
