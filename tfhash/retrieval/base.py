"""What every kind of codes has, what it may have, and the .npz files that keep it."""

import abc
import importlib
import pkgutil
import typing

import numpy as np

from tfhash import checks, files, numpy_files, retrieval

_KINDS = {}  # `kind`: its class; filled as the classes are defined


class Neighbours(typing.NamedTuple):
    """The nearest items of some queries, the nearest first.

    Attributes:
        positions: `[q, k]` int64 in the database; -1 where an approximate index found no more.
        distances: `[q, k]`, of the dtype that `Codes.distances` or FAISS returns.
    """

    positions: np.ndarray
    distances: np.ndarray


class Codes(abc.ABC):
    """The codes of a database, and the distances of queries to them.

    A kind of codes is a subclass in a module of its own. It sets `kind` and `bits` and implements
    what is abstract; ranking, scoring, reports and files then take it. The other members are for
    what a kind has beyond that.

    Attributes:
        kind: name of the kind in files; no two kinds have the same.
        bits: length of a code in bits.
        hamming: whether the distances are Hamming distances of packed bits. Such codes also have
            `words` `[n, words]` uint64, `query_words(queries)` and `unpack()`, as `BinaryCodes`,
            and are ranked by counting.
        has_index: whether a FAISS index has these distances.
        has_approximate: whether one that looks only into lists of the items has them.
        faiss_binary: whether that index is one of FAISS' binary indexes.
        names: a name for each item, `[n]`, where a file that the codes were read from has them.
    """

    kind: str | None = None
    bits: int
    hamming = False
    has_index = False
    faiss_binary = False
    names = None

    @property
    def has_approximate(self):
        return self.has_index

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if cls.kind is None:
            raise TypeError(f"Expected `kind`, a name for files, in {cls.__qualname__}.")
        if "kind" not in vars(cls):
            return
        namesake = _KINDS.setdefault(cls.kind, cls)
        if (namesake.__module__, namesake.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(
                f"Expected a `kind` of its own in {cls.__qualname__}. Received: {cls.kind!r}, "
                f"which is the kind of {namesake.__module__}.{namesake.__qualname__}."
            )
        _KINDS[cls.kind] = cls  # a notebook may define its class again

    @abc.abstractmethod
    def __len__(self):
        """The number of items."""

    @abc.abstractmethod
    def __getitem__(self, rows):
        """The codes of some items, by a slice or an array."""

    @abc.abstractmethod
    def distances(self, queries):
        """Distances `[q, n]` float32 or unsigned integers; smaller is nearer."""

    @property
    def item_bytes(self):
        """Bytes that a search keeps of an item, beside what all items share."""
        return -(-self.bits // 8)

    # ---- files

    @abc.abstractmethod
    def arrays(self):
        """`{argument: array}` of the constructor or, where it differs, of `from_arrays`."""

    @classmethod
    def from_arrays(cls, **arrays):
        """Codes of what `arrays` gave, scalars as Python's own."""
        return cls(**arrays)

    def save(self, path, *, names=None):
        """Writes an .npz of plain arrays, completely or not at all.

        Args:
            path: the file.
            names: a name for each item, such as the path of its image; None for none.
        Raises:
            ValueError: another number of names than of items.
        """
        arrays = {"kind": np.str_(self.kind)} | self.arrays()
        if names is not None:
            arrays["names"] = self.checked_names(np.array(names, np.str_))
        with files.whole(path) as partial, open(partial, "wb") as file:
            np.savez(file, **arrays)

    @classmethod
    def load(cls, path):
        """Reads what `save` wrote, of this class or one below it; `Codes.load` reads any kind.

        Raises:
            ValueError: the file is truncated, or of another format or kind.
        """
        kind, arrays = _read(path)
        stored = _class_of(kind, path)
        if not issubclass(stored, cls):
            raise ValueError(f"`{path}`: expected {cls.__name__}. It holds codes of kind {kind!r}.")
        try:
            names = arrays.pop("names", None)
            codes = stored.from_arrays(**arrays)
            codes.names = None if names is None else codes.checked_names(names)
            return codes
        except (ArithmeticError, AttributeError, IndexError, TypeError, ValueError) as error:
            raise ValueError(
                f"`{path}` holds arrays that do not fit: {checks.brief(error)}"
            ) from error

    def queries_to_save(self, queries):
        """Queries of these codes as `Codes`: as they are, or float vectors as `FloatCodes`."""
        from tfhash.retrieval import floats  # which builds on this module

        return queries if isinstance(queries, Codes) else floats.FloatCodes(queries)

    def checked_names(self, names):
        """`names`; ValueError where they are not as many as the items."""
        if getattr(names, "ndim", 1) != 1 or len(names) != len(self):
            raise ValueError(
                f"Expected a name for each of the {len(self)} items. Received: {len(names)} names."
            )
        return names

    # ---- what they stand for, and what they are like

    def decode(self):
        """The vectors that the codes stand for, `[n, dim]` float32."""
        raise ValueError(f"{type(self).__name__} cannot be decoded to vectors. Give float vectors.")

    def statistics(self, outputs):
        """`{name: value}` for a report, of codes that were made of `[n, dim]` outputs."""
        return {}

    def usage(self):
        """`{name: value}` to watch in training: how much of what they could say the codes use."""
        return {}

    def collapse(self):
        """How the codes have become all alike, in a few words; None if not, or none can tell."""
        return None

    # ---- FAISS

    def build_faiss(self, approximate=False):
        """A new FAISS index of the codes.

        Args:
            approximate: an index that is faster and misses some of the nearest items: one that
                looks into `nprobe` of its lists, a sixteenth of them, or the fast scan that
                product codes of 4 bits have anyway.
        Raises:
            ValueError: no index has these distances.
        """
        raise self._no_index()

    def faiss_queries(self, queries):
        """The array that the index takes for `queries`."""
        raise self._no_index()

    def from_faiss(self, values):
        """What the index returns for distances, as those of `distances`."""
        return values

    def _no_index(self):
        return ValueError(
            f"No FAISS index has the distances of {type(self).__name__}. Use ranking.search."
        )


def _read(path):
    """The kind and the `{argument: array or scalar}` in a file."""
    try:
        arrays = numpy_files.read_all(path)
        kind = str(arrays.pop("kind"))
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"`{path}` is not a complete file of codes: {checks.brief(error)} Expected an .npz "
            "that `save` of codes has written."
        ) from error
    return kind, {name: array if array.ndim else array.item() for name, array in arrays.items()}


def _class_of(kind, path):
    """The class of a kind; ValueError that names the file where there is none."""
    if kind not in _KINDS:  # its module may not have been imported
        for module in pkgutil.iter_modules(retrieval.__path__):
            importlib.import_module(f"{retrieval.__name__}.{module.name}")
    if kind not in _KINDS:
        raise ValueError(
            f"`{path}` holds codes of an unknown kind. Expected one of {sorted(_KINDS)}. Received: "
            f"{checks.brief(kind)!r}. Import the module that defines it first."
        )
    return _KINDS[kind]


def finite(vectors, name):
    """`vectors` as float32; ValueError that counts the rows with NaN or infinity."""
    vectors = np.asarray(vectors, np.float32)
    if vectors.ndim != 2:
        raise ValueError(f"Expected `{name}` [n, dim]. Received: {list(vectors.shape)}.")
    bad = int((~np.isfinite(vectors)).any(axis=1).sum())
    if bad:
        raise ValueError(
            f"Expected finite `{name}`. Received NaN or infinity in {bad} of {len(vectors)} rows."
        )
    return vectors


def query_vectors(queries, dim):
    """The float vectors `[q, dim]` float32 that queries are or, as codes, stand for."""
    vectors = finite(queries.decode() if isinstance(queries, Codes) else queries, "queries")
    if vectors.shape[1] != dim:
        raise ValueError(f"Expected `queries` [q, {dim}]. Received: {list(vectors.shape)}.")
    return vectors


def import_faiss():
    """The module `faiss`; ImportError that says how to install it."""
    try:
        import faiss
    except ImportError as error:
        raise ImportError("Searching needs FAISS: pip install faiss-cpu") from error
    return faiss
