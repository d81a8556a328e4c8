"""Brings an index up to date: encodes what is new or has changed, drops what is gone."""

import contextlib
import dataclasses
import logging
import os
import time

import numpy as np

from tfhash import contents, locks
from tfhash.data import decoding
from tfhash.retrieval import base
from tfhash.search import store
from tfhash.search.progress import Progress

OUT = "left out: "
SECONDS = 1  # between two transactions
LOG = logging.getLogger("tfhash")


@dataclasses.dataclass(frozen=True)
class Report:
    """What an update did, in numbers of images.

    Attributes:
        indexed, unchanged, dropped: images.
        unread: files that can't be read.
        notes: lines on what else was left out, of the `ImageFiles`.
        left_out: the file that lists those that can't be read.
    """

    indexed: int
    unchanged: int
    dropped: int
    unread: int
    notes: tuple
    left_out: str

    def lines(self):
        """Lines for the user."""
        counts = [f"indexed {self.indexed}", f"unchanged {self.unchanged}"]
        counts += [f"dropped {self.dropped}"] if self.dropped else []
        first = next((note for note in self.notes if note.startswith(OUT)), None)
        out = [first.removeprefix(OUT)] if first else []
        out += [f"{self.unread} unreadable (listed in {self.left_out})"] if self.unread else []
        counts += [OUT + ", ".join(out)] if out else []
        return [", ".join(counts), *(note for note in self.notes if note is not first)]


def update(path, source, encoder, *, keep_outputs=False, batch_size=None):
    """Makes the index at `path`, or brings it up to date, batch by batch.

    Args:
        path: the directory.
        source: what is indexed; see tfhash/search/sources.py.
        encoder: the `Encoder`; its model is loaded only where there is something to encode.
        keep_outputs: keeps the outputs of the network too. An index that has them goes on.
        batch_size: images encoded at once; None for the method's own number.
    Returns:
        A `Report`.
    Raises:
        ValueError: no image can be read, the index is of another model or of other images, or
            another process writes to it.
        KeyboardInterrupt: what is done stays.
    """
    meta = {"fingerprint": encoder.fingerprint, "root": source.root, "base": source.base}
    with writing(path, meta | {"model": encoder.path}) as index:
        keep_outputs = keep_outputs or index.keeps_outputs()
        todo, gone = _compare(index, source, keep_outputs)
        bad = _still_bad(index, source, todo)
        good = {position: stamp for position, stamp in todo.items() if position not in bad}
        bad |= _encode(index, source, good, encoder, keep_outputs, batch_size)
        unread = [source.names[position] for position in sorted(bad)]
        gone += [entry[0] for entry in map(index.entry, unread) if entry]
        index.drop(gone)
        if not len(index):
            raise ValueError(
                f"Expected images in `{source.root}`. None of its {len(unread)} files can be read."
            )
        return Report(
            indexed=len(todo) - len(bad),
            unchanged=len(source.names) - len(todo),
            dropped=len(gone),
            unread=len(unread),
            notes=tuple(source.listing.lines()) if source.listing else (),
            left_out=index.write_left_out([os.path.join(source.base, name) for name in unread]),
        )


def _compare(index, source, keep_outputs):
    """The images to encode, as `{position in the source: stamp}`, and the numbers of those gone."""
    todo, seen = {}, []
    for position, (name, stamp) in enumerate(zip(source.names, source.stamps())):
        entry = index.entry(name)
        if entry:
            seen.append(entry[0])
        if not entry or entry[1:3] != stamp or (keep_outputs and not entry[3]):
            todo[position] = stamp
    return todo, np.setdiff1d(index.numbers(), np.array(seen, np.int64)).tolist()


def _still_bad(index, source, todo):
    """The positions, a set, of files that could not be read the last time and can't be now.

    So no model is loaded for these alone.
    """
    before, found = index.left_out(), set()
    for position in todo if before else ():
        path = os.path.join(source.base, source.names[position])
        if path in before:
            try:
                decoding.check(path)
            except ValueError:
                found.add(position)
    return found


def _encode(index, source, todo, encoder, keep_outputs, batch_size):
    """Stores the images to encode; returns the positions, a set, of those that can't be read."""
    if not todo:
        return set()
    model, positions = encoder.model, list(todo)
    part, progress, done = source.part(positions, model.size), Progress(len(todo)), 0
    unread = getattr(part.images, "unread", ())
    waiting = _Waiting(index, source, todo, model.recipe.head, keep_outputs)
    try:
        for outputs in model.embed_batches(part, batch_size=batch_size):
            good = [row for row in range(len(outputs)) if done + row not in unread]
            waiting.add([positions[done + row] for row in good], outputs[good])
            done += len(outputs)
            progress(done)
        waiting.store()
    except KeyboardInterrupt:
        waiting.store()
        progress.end()
        LOG.info("Stopped. %d images are indexed; the same command goes on.", len(index))
        raise
    return {positions[row] for row in unread}


class _Waiting:
    """Outputs that wait to be stored, for `SECONDS`: a transaction takes as long as a small batch.

    Args:
        index, source: what they are stored in, and what they are of.
        todo: `{position in the source: stamp}`.
        head: makes codes of them.
        keep_outputs: whether they are kept too.
    """

    def __init__(self, index, source, todo, head, keep_outputs):
        self._index, self._source, self._todo = index, source, todo
        self._head, self._keep = head, keep_outputs
        self._positions, self._outputs, self._stored = [], [], time.monotonic()

    def add(self, positions, outputs):
        """Takes the outputs of the images at some positions, and stores all from time to time."""
        self._positions += positions
        self._outputs.append(base.finite(outputs, "outputs"))
        if time.monotonic() - self._stored >= SECONDS:
            self.store()

    def store(self):
        """Stores what waits."""
        if self._positions:
            outputs = np.concatenate(self._outputs)
            names = [self._source.names[position] for position in self._positions]
            stamps = [self._todo[position] for position in self._positions]
            codes = self._head.indexed(outputs)
            self._index.add(names, stamps, codes, outputs if self._keep else None)
        # Only now: what an interruption in these lines leaves here is stored once more.
        self._positions, self._outputs, self._stored = [], [], time.monotonic()


@contextlib.contextmanager
def writing(path, meta):
    """The `Store` at `path` for the one process that writes; it is made where there is none.

    Nothing stays of a new one in which no image was stored.

    Args:
        path: the directory.
        meta: as in `Store`.
    Raises:
        ValueError: something else is there, an index of other `meta`, or another process writes.
    """
    path = os.fspath(path)
    with locks.held(path):
        fresh, made = not store.exists(path), not os.path.exists(path)
        _sweep(path)
        if fresh:
            _check_free(path)
        try:
            if fresh:
                store.create(path, meta)
            with contextlib.closing(store.Store(path)) as index:
                index.check(fingerprint=meta["fingerprint"], root=meta["root"])
                yield index
        finally:
            if fresh and _is_empty(path):
                _remove(path, made)


def _is_empty(path):
    if not store.exists(path):
        return True
    with contextlib.closing(store.Store(path)) as index:
        return not len(index)


def _sweep(path):
    """Removes what processes that were killed have left of files that they wrote."""
    contents.sweep_files(path, lambda name: any(own in name for own in store.FILES))


def _check_free(path):
    """Raises ValueError where there is something else."""
    if os.path.exists(path) and (not os.path.isdir(path) or os.listdir(path)):
        raise ValueError(f"`{path}` exists and is not an index. Choose another --index.")


def _remove(path, made):
    """Removes the files of an index without images, and its directory where it was `made`."""
    for name in store.FILES:
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(path, name))
    if made and os.path.exists(path):
        os.rmdir(path)
