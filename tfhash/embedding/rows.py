"""An .npy file that is written row by row, and goes on where it was interrupted."""

import json
import os
import pathlib

import numpy as np

from tfhash import files

MOST = 2**26  # bytes of what is noted of an unfinished file
BLOCK = 2**12  # rows that are copied at once


class Rows:
    """The rows of an .npy file, in an unfinished one beside it until all are there.

    The unfinished file `.NAME.part` has the header and the rows so far; `.NAME.part.json` says how
    many of them are on the disk, and of what.

    Attributes:
        done: rows that are there.
        noted: what was noted with them, as JSON holds it; None where there are none.

    Args:
        path: of the .npy file.
        count: of all its rows.
        identity: text that tells these rows from others.
        overwrite: begins anew where there is an unfinished file of other rows.
    Raises:
        ValueError: there is one, and `overwrite` is False.
    """

    def __init__(self, path, count, identity, *, overwrite=False):
        self.path, self.count, self.identity = pathlib.Path(path), count, identity
        self.part = self.path.with_name(f".{self.path.name}.part")
        self._state = self.path.with_name(f"{self.part.name}.json")
        self._file = None
        state = _state_in(self._state) if self.part.is_file() else None
        if state and state["identity"] != identity and not overwrite:
            raise ValueError(
                f"`{self.part}` holds {state['done']} vectors of other images or of another "
                "network. Use --overwrite to begin anew, or another --out."
            )
        goes_on = state and state["identity"] == identity
        self.done, self.noted = (state["done"], state["noted"]) if goes_on else (0, None)

    def append(self, rows):
        """Writes the next rows; `keep` makes sure of them."""
        with files.writing(self.path):
            if self._file is None:
                self._open(rows.shape[1:], rows.dtype)
            self._file.write(np.ascontiguousarray(rows).tobytes())
        self.done += len(rows)

    def _open(self, shape, dtype):
        """Begins to write, or goes on behind the rows that are done."""
        self.part.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(self.part, "r+b" if self.done else "w+b")
        _write_header(self._file, (self.count, *shape), dtype)
        end = self._file.tell() + self.done * dtype.itemsize * int(np.prod(shape))
        if self._file.seek(0, os.SEEK_END) < end:
            raise ValueError(f"`{self.part}` is shorter than it was. Use --overwrite.")
        self._file.truncate(end)
        self._file.seek(end)

    def keep(self, noted):
        """Makes sure that the rows so far are found again, with what is noted of them."""
        self.noted = noted
        if self._file:
            with files.writing(self.path):
                self._file.flush()
                os.fsync(self._file.fileno())
        state = {"identity": self.identity, "done": self.done, "noted": noted}
        with files.whole(self._state) as partial:
            partial.write_text(json.dumps(state))

    def finish(self, left_out=()):
        """Gives the file its name, without the rows at some positions."""
        self.close()
        if len(left_out):
            kept = np.setdiff1d(np.arange(self.count), left_out)
            _copy(np.load(self.part, mmap_mode="r"), kept, self.path)
            self.part.unlink()
        else:
            os.replace(self.part, self.path)
        self._state.unlink(missing_ok=True)
        files.sync(self.path.parent)

    def close(self):
        """Closes the unfinished file."""
        file, self._file = self._file, None
        if file:
            with files.writing(self.path):
                file.close()


def _state_in(path):
    """What a file says of an unfinished one; None where it can't be used."""
    try:
        state = json.loads(files.read(path, "a state", most=MOST)) if path.is_file() else {}
    except ValueError:
        return None
    known = isinstance(state, dict) and {"identity", "done", "noted"} <= set(state)
    return state if known and isinstance(state["done"], int) else None


def _write_header(file, shape, dtype):
    header = {"shape": shape, "descr": np.lib.format.dtype_to_descr(dtype)}
    np.lib.format.write_array_header_1_0(file, header | {"fortran_order": False})


def _copy(rows, kept, path):
    """Writes the rows at the positions `kept` as an .npy file."""
    with files.whole(path) as partial, open(partial, "wb") as file:
        _write_header(file, (len(kept), *rows.shape[1:]), rows.dtype)
        for first in range(0, len(kept), BLOCK):
            file.write(np.ascontiguousarray(rows[kept[first : first + BLOCK]]).tobytes())
