"""A search as the command runs it: the index, the queries, and lines for the user."""

import concurrent.futures
import json
import logging
import os
import threading
import typing

from tfhash.data import decoding
from tfhash.evaluation import pictures
from tfhash.search import indexing, picture, searching, sources, vectors
from tfhash.search.settings import OUTPUTS
from tfhash.search.store import Store, exists

PICTURE = "search.png"
LOG = logging.getLogger("tfhash")


class Found(typing.NamedTuple):
    """What was found for an image: its path, its number if the index holds it, and `Answer`s."""

    query: str
    number: int | None
    answers: list


class Session:
    """An index that is up to date, and what is asked of it.

    Attributes:
        asked: the `Search`.
        path: the directory of the index.
        source: what it is an index of.
        store: the `Store`.
        model, searcher: the `Model` and the `Searcher`, once `start` has been called.

    Args:
        asked: as above.
        encoder: the `Encoder`.
    Raises:
        ValueError: images, index or model are not there, or don't fit one another.
    """

    def __init__(self, asked, encoder):
        self.asked = asked
        self.path, self.source = _updated(asked, encoder)
        self.store = Store(self.path)
        self._encoder, self._fitting = encoder, None
        try:
            self.store.check(fingerprint=encoder.fingerprint, root=self.source.root)
        except ValueError:
            self.close()
            raise

    def start(self):
        """Reads the model and, at the same time, the index into memory, for searches.

        A page does not wait for an approximate index that nobody asked for: its searches are exact
        until that is there.
        """
        asked = self.asked
        approximate = True if asked.approximate else False if asked.exact else None
        later = bool(asked.serve) and approximate is None
        approximate = False if later else approximate
        with concurrent.futures.ThreadPoolExecutor(1) as other:
            loading = other.submit(searching.load, self.store, approximate)
            self.model = self._encoder.model
            head, loaded = self.model.recipe.head, loading.result()
        again = asked.rerank == OUTPUTS
        self.searcher = searching.Searcher(self.store, head, loaded, rerank=again)
        if later:
            self._fitting = threading.Thread(target=self.searcher.fit, daemon=True)
            self._fitting.start()

    def close(self):
        """Closes the index."""
        if self._fitting:
            self._fitting.join()
        self.store.close()

    def find(self, names, given=None):
        """A `Found` for each query.

        Args:
            names: paths of image files, or what to call the vectors that are `given`.
            given: `[n, width]` float32, or None for the images.
        """
        if self.asked.top > len(self.searcher):
            LOG.info("The index holds %d images: --top is cut to that.", len(self.searcher))
        queries = names if given is None else given
        outputs = self.model.embed(queries, batch_size=self.asked.encode_batch or None)
        answers = self.searcher.search(outputs, self.asked.top, self.asked.within)
        numbers = [self._number(name) if given is None else None for name in names]
        return [Found(*one) for one in zip(names, numbers, answers)]

    def _number(self, path):
        """The number of an image file in the index; None where that does not hold it as it is."""
        name, state = self.source.name_of(path), os.stat(path)
        entry = self.store.entry(name) if name else None
        same = entry and entry[1:3] == (state.st_size, state.st_mtime_ns)
        return entry[0] if same else None

    def lines(self, found):
        """Yields what was found as lines for a person."""
        for one in found:
            yield one.query + (", which is in the index" if one.number else "")
            for answer in one.answers:
                mark = "  (the query)" if answer.number == one.number else ""
                shown = _shown(answer.distance)
                yield f"{answer.rank:5}  {shown:>8}  {self._path(answer)}{mark}"

    def json_lines(self, found):
        """Yields what was found as lines of JSON."""
        for one in found:
            answers = [
                {
                    "rank": answer.rank,
                    "distance": answer.distance,
                    "path": self._path(answer),
                    "number": answer.number,
                    "is_query": answer.number == one.number,
                }
                for answer in one.answers
            ]
            value = {"query": one.query, "in_index": one.number is not None, "answers": answers}
            yield json.dumps(value, allow_nan=False)

    def _path(self, answer):
        """The path of an answer, from the current folder on where it lies below."""
        path = os.path.join(self.source.base, answer.name)
        return os.path.relpath(path) if path.startswith(os.path.join(os.getcwd(), "")) else path

    def draw(self, found):
        """Writes the picture of what was found; its path."""
        rows = [
            [
                (
                    f"{answer.rank}:  {_shown(answer.distance)}",
                    answer.name,
                    self._image(answer.name),
                )
                for answer in one.answers[: picture.COLUMNS]
            ]
            for one in found[: picture.ROWS]
        ]
        queries = [(one.query, decoding.decode(one.query)) for one in found[: picture.ROWS]]
        path = self.asked.picture or os.path.join(self.path, PICTURE)
        return pictures.save(picture.drawn(queries, rows), path)

    def _image(self, name):
        """An image of the index; None where it can't be read any more."""
        try:
            return self.source.image(name)
        except ValueError:
            return None


def _shown(distance):
    """A distance as a person reads it: of bits a whole number, else with four decimals."""
    return f"{distance:.4f}" if isinstance(distance, float) else str(distance)


def _updated(asked, encoder):
    """The directory of the index that is asked for, up to date, and what it is an index of."""
    beside = os.path.normpath(encoder.path)
    if asked.images:
        path, source = asked.index or f"{beside}-index", sources.of_images(asked.images)
    elif asked.index:
        return asked.index, _indexed(asked.index, encoder)
    else:
        path, source = f"{beside}-database-index", sources.of_database(*encoder.database())
        _say_other(f"{beside}-index", source.root)
    report = indexing.update(
        path,
        source,
        encoder,
        keep_outputs=asked.rerank == OUTPUTS,
        batch_size=asked.encode_batch or None,
    )
    for line in report.lines():
        LOG.info(line)
    return path, source


def _indexed(path, encoder):
    """What an index is of, as it says."""
    store = Store(path)
    root, base = store.meta["root"], store.meta["base"]
    store.close()
    if root.startswith(sources.DATASET):
        return sources.of_database(*encoder.database())
    if root.startswith(vectors.PREFIX):
        return vectors.of_file(root)
    return sources.Files(root, base)


def _say_other(path, root):
    """Says that an index of own images is not what is searched."""
    if exists(path):
        LOG.info("Searching %s. Your own images are searched with --index=%s", root, path)
