"""The directory of an index: an SQLite file of the images and their codes, and the outputs.

    index.sqlite    name, size, time of modification and code of each image; which model's they are
    kind.npz        the kind of the codes, and what they share, such as codebooks
    outputs.f16     the outputs of the network, float16, a row for each number; where they are kept
    left_out.txt    the image files that can't be read

An image has a number, which never becomes that of another. A batch is one transaction: a crash
leaves all of it or nothing.
"""

import contextlib
import os
import sqlite3
import threading

import numpy as np

from tfhash import checks, files
from tfhash.retrieval import codes as kinds
from tfhash.search import errors, records

FORMAT = "1"
DATABASE, KIND, OUTPUTS, LEFT_OUT = "index.sqlite", "kind.npz", "outputs.f16", "left_out.txt"
FILES = (DATABASE, KIND, OUTPUTS, LEFT_OUT)
READ, ASKED = 10000, 500  # rows read at once, and numbers in a command
WAIT = 10  # seconds, for the end of another process' transaction
SCHEMA = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE images (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE NOT NULL, "
    "size INTEGER NOT NULL, modified INTEGER NOT NULL, width INTEGER NOT NULL, "
    "code BLOB NOT NULL)",
)
TEXT = "CAST(? AS TEXT)"  # of bytes: the name of a file need not be UTF-8
INSERT = f"INSERT INTO images (name, size, modified, width, code) VALUES ({TEXT}, ?, ?, ?, ?)"


def exists(path):
    """Whether there is an index at `path`."""
    return os.path.isfile(os.path.join(path, DATABASE))


def create(path, meta):
    """Makes an index without images in a directory; `meta` as in `Store`, without the format."""
    with files.whole(os.path.join(path, DATABASE)) as partial, errors.plain(path):
        connection = sqlite3.connect(partial, isolation_level=None)
        with contextlib.closing(connection):
            for command in SCHEMA:
                connection.execute(command)
            rows = (meta | {"format": FORMAT}).items()
            values = ((name, os.fsencode(value)) for name, value in rows)
            connection.executemany(f"INSERT INTO meta VALUES (?, {TEXT})", values)


class Store:
    """An index that is there; several threads may use it.

    Attributes:
        path: the directory.
        meta: `{name: text}`: the fingerprint and the path of the model, the root and the base of
            the images (see `sources.Files`), and the format.
    Raises:
        ValueError: there is none, it is damaged, or of another format.
    """

    def __init__(self, path):
        if not exists(path):
            raise ValueError(f"Expected an index at `{path}`. There is none: make it by --images.")
        self.path, self._lock, self._kind = os.fspath(path), threading.RLock(), None
        options = {"timeout": WAIT, "isolation_level": None, "check_same_thread": False}
        with errors.plain(path):
            self._connection = sqlite3.connect(self.file(DATABASE), **options)
        try:
            self._connection.text_factory = os.fsdecode
            self.meta = dict(self._rows("SELECT name, value FROM meta"))
            if self.meta.get("format") != FORMAT:
                raise ValueError(
                    f"`{path}` is an index of format {self.meta.get('format')}; this version of "
                    f"tfhash reads format {FORMAT}. Update tfhash."
                )
        except BaseException:
            self.close()
            raise

    def file(self, name):
        """The path of a file of this index."""
        return os.path.join(self.path, name)

    def close(self):
        """Closes the database."""
        self._connection.close()

    def check(self, **expected):
        """Raises ValueError where the index is of another model, or of other images.

        Args:
            expected: what `meta` should have as "fingerprint" or "root".
        """
        if expected.get("fingerprint", self.meta["fingerprint"]) != self.meta["fingerprint"]:
            raise ValueError(
                f"`{self.path}` is an index of another model than this one: of "
                f"`{self.meta['model']}`, as it was then. Remove it, or give another --index."
            )
        if expected.get("root", self.meta["root"]) != self.meta["root"]:
            raise ValueError(
                f"`{self.path}` is an index of `{self.meta['root']}`. Received: "
                f"`{expected['root']}`. Give another --index for it."
            )

    # ---- reading

    def _rows(self, command, values=()):
        with self._lock, errors.plain(self.path):
            return self._connection.execute(command, values).fetchall()

    def _of_numbers(self, column, numbers):
        """`{number: value of a column}` of those images of some numbers that are there."""
        numbers, found = [int(number) for number in numbers], {}
        for first in range(0, len(numbers), ASKED):
            block = numbers[first : first + ASKED]
            marks = ",".join("?" * len(block))
            command = f"SELECT number, {column} FROM images WHERE number IN ({marks})"
            found.update(self._rows(command, block))
        return found

    def __len__(self):
        return self._rows("SELECT count(*) FROM images")[0][0]

    def entry(self, name):
        """(number, size, modified, width of its outputs) of the image of a name, or None."""
        command = f"SELECT number, size, modified, width FROM images WHERE name = {TEXT}"
        found = self._rows(command, (os.fsencode(name),))
        return found[0] if found else None

    def names(self, numbers):
        """`{number: name}` of those images of some numbers that are there."""
        return self._of_numbers("name", numbers)

    def numbers(self, pattern="*"):
        """The numbers, `[n]` int64 ascending, of the images whose path fits a pattern.

        Args:
            pattern: as of a shell, where `*` stands for slashes too; of the path below the
                folder of the images or, where it begins with a slash, of the whole path.
        """
        values = [os.fsencode(pattern)]
        if os.path.isabs(pattern):
            path = f"{TEXT} || name"
            values.insert(0, os.fsencode(os.path.join(self.meta["base"], "")))
        else:
            path = "name"
        found = self._rows(f"SELECT number FROM images WHERE {path} GLOB {TEXT}", values)
        return np.sort(np.fromiter((number for (number,) in found), np.int64, len(found)))

    def codes(self):
        """The numbers of all images, `[n]` int64 ascending, and their codes.

        Raises:
            ValueError: the index is damaged.
        """
        numbers, content = [], bytearray()
        with self._lock, errors.plain(self.path):
            rows = self._connection.execute("SELECT number, code FROM images ORDER BY number")
            while block := rows.fetchmany(READ):
                own, codes = zip(*block)
                numbers.append(np.array(own, np.int64))
                content += b"".join(codes)
        numbers = np.concatenate(numbers or [np.empty(0, np.int64)])
        try:
            codes = records.unpacked(content, self.kind())
        except (IndexError, TypeError, ValueError) as error:
            raise ValueError(f"`{self.path}` is damaged: {checks.brief(error)}") from error
        if len(codes) != len(numbers):
            raise ValueError(
                f"`{self.path}` is damaged: it holds {len(codes)} codes of {len(numbers)} images."
            )
        return numbers, codes

    def kind(self):
        """Codes of no item, of the kind that the index holds."""
        if self._kind is None:
            self._kind = kinds.load(self.file(KIND))
        return self._kind

    def keeps_outputs(self):
        """Whether the outputs of some images are kept."""
        return bool(self._rows("SELECT 1 FROM images WHERE width > 0 LIMIT 1"))

    def outputs(self, numbers):
        """The outputs of some images, `[n, width]` float32.

        Raises:
            ValueError: not all of them have been kept.
        """
        widths = set(self._of_numbers("width", numbers).values())
        if 0 in widths or len(widths) != 1:
            raise ValueError(
                f"`{self.path}` does not keep the outputs of all its images. Give --images and "
                "--rerank=outputs to keep them."
            )
        kept = np.memmap(self.file(OUTPUTS), np.float16, "r").reshape(-1, widths.pop())
        return kept[np.asarray(numbers) - 1].astype(np.float32)

    # ---- writing

    def add(self, names, stamps, codes, outputs=None):
        """Stores some images in place of those that have their names.

        Args:
            names: of the images.
            stamps: (size, modified) of each.
            codes: of them.
            outputs: `[n, width]` float32, to be kept too; None keeps none.
        Raises:
            ValueError: codes of another kind than those that are there, outputs that float16 does
                not hold, or a full disk; no image is stored then.
        """
        with errors.plain(self.path):
            self._check_kind(codes)
            with self._transaction() as connection:
                numbers = []
                for name, stamp, code in zip(names, stamps, records.packed(codes)):
                    name = os.fsencode(name)
                    connection.execute(f"DELETE FROM images WHERE name = {TEXT}", (name,))
                    width = 0 if outputs is None else outputs.shape[1]
                    values = (name, *stamp, width, code.tobytes())
                    numbers.append(connection.execute(INSERT, values).lastrowid)
                if outputs is not None:
                    self._keep(numbers[0], outputs)

    def _check_kind(self, codes):
        if not len(self):
            codes[:0].save(self.file(KIND))
            self._kind = None
        elif not records.same_kind(codes, self.kind()):
            raise ValueError(f"`{self.path}` holds other codes than the model's. Remove it.")

    def _keep(self, first, outputs):
        """Writes the outputs of the images from a number on; a transaction's follow one another."""
        with np.errstate(over="ignore"):
            rows = outputs.astype(np.float16)
        if not np.isfinite(rows).all():
            raise ValueError(
                "Expected outputs under 65504, as float16 has them. Leave out --rerank."
            )
        path = self.file(OUTPUTS)
        with open(path, "r+b" if os.path.exists(path) else "wb") as file:
            file.seek((first - 1) * rows[0].nbytes)
            file.write(rows.tobytes())
            file.flush()
            os.fsync(file.fileno())

    def drop(self, numbers):
        """Removes the images of some numbers."""
        with errors.plain(self.path), self._transaction() as connection:
            rows = ((int(number),) for number in numbers)
            connection.executemany("DELETE FROM images WHERE number = ?", rows)

    def left_out(self):
        """The paths of the files that could not be read when the index was last written, a set."""
        path = self.file(LEFT_OUT)
        if not os.path.exists(path):
            return set()
        content = files.read(path, "a list of files")
        return set(content.decode(errors="surrogateescape").splitlines())

    def write_left_out(self, paths):
        """Writes paths of files that can't be read, a line each; removes the file without any.

        Returns:
            Its path.
        """
        path = self.file(LEFT_OUT)
        if paths:
            text = "".join(f"{one}\n" for one in paths)
            with errors.plain(self.path), files.whole(path) as partial:
                partial.write_bytes(text.encode(errors="surrogateescape"))
        elif os.path.exists(path):
            os.remove(path)
        return path

    @contextlib.contextmanager
    def _transaction(self):
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
