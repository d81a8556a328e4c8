"""Files of codes: .npz archives of plain arrays, written whole or not at all."""

import zipfile

import numpy as np

from tfhash import files


class Stored:
    """What can be saved and loaded: `kind` names the class, `arrays()` are its arguments."""

    kind = None

    def arrays(self):
        """`{argument: array}`."""
        raise TypeError(f"{type(self).__name__} cannot be saved.")

    def save(self, path):
        """Writes an .npz of plain arrays, whole or not at all."""
        arrays = {"kind": np.str_(self.kind)} | self.arrays()
        with files.whole(path) as partial, open(partial, "wb") as file:
            np.savez(file, **arrays)

    @classmethod
    def load(cls, path):
        """Reads what `save` wrote, of this class or one below it.

        Raises:
            ValueError: the file is truncated, or of another format or kind.
        """
        # What NumPy's reader raises for truncated, foreign and hand-made files.
        broken = (zipfile.BadZipFile, EOFError, KeyError, TypeError, ValueError, AttributeError)
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            kind = str(arrays.pop("kind"))
        except broken as error:
            raise ValueError(
                f"`{path}` is no whole file of codes: {error}. Expected an .npz that was saved "
                "with them."
            ) from error
        found = next((one for one in _all_below(Stored) if one.kind == kind), None)
        if found is None or not issubclass(found, cls):
            raise ValueError(f"`{path}`: expected {cls.__name__}. It holds codes of kind {kind!r}.")
        values = {name: array if array.ndim else array.item() for name, array in arrays.items()}
        try:
            return found(**values)
        except (TypeError, ValueError) as error:
            raise ValueError(f"`{path}` holds arrays that do not fit: {error}") from error


def _all_below(cls):
    for one in cls.__subclasses__():
        yield one
        yield from _all_below(one)
