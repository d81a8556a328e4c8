"""Codes of a backbone's features by what FAISS fits to them: bits, product codes, sums, floats."""

import numpy as np

from tfhash.heads import base
from tfhash.lazy import keras
from tfhash.quantization import codebooks, rotations
from tfhash.retrieval import codes as kinds
from tfhash.retrieval import rabitq


class Features(base.Head):
    """Floats: the features as they are, compared by Euclidean distance.

    Attributes:
        width: of the features, once the network is there.
        arrays: `{name: keras.Variable}` of what is fitted.
    """

    def __init__(self):
        super().__init__(None)

    def layers(self, features):
        self.width = features.shape[-1]
        self.check()
        return features

    def check(self):
        """Raises ValueError where features of this width have no such codes; says which have."""

    def check_items(self, count):
        """Raises ValueError where so many training items are too few."""

    def shapes(self):
        """`{name: shape}` of what is fitted."""
        return {}

    def build_weights(self):
        fixed = {"initializer": "zeros", "dtype": "float32", "trainable": False}
        shapes = self.shapes().items()
        self.arrays = {n: keras.Variable(shape=shape, name=n, **fixed) for n, shape in shapes}
        return self.arrays

    def fit(self, features, *, seed):
        """Fits what there is to `[n, width]` float32 features; seed 0 does as FAISS by itself."""
        for name, array in self.fitted(features, seed).items():
            self.arrays[name].assign(array)

    def fitted(self, features, seed):
        """`{name: array}` of `shapes`."""
        return {}

    def values(self):
        """`{name: array}` as they were fitted."""
        return {name: variable.numpy() for name, variable in self.arrays.items()}

    def codes(self, outputs):
        return kinds.FloatCodes(outputs, "euclidean")


class FirstSigns(Features):
    """The signs of the first `bits` features."""

    def __init__(self, bits):
        super().__init__()
        self.bits = bits

    def check(self):
        if self.bits > self.width:
            raise ValueError(
                f"Expected --bits up to {self.width}, the width of the features. Received: "
                f"{self.bits}. Use --bits={self.width}."
            )

    def codes(self, outputs):
        return kinds.BinaryCodes.from_signs(outputs[:, : self.bits])

    def queries(self, outputs):
        return self.codes(outputs)


class Projected(FirstSigns):
    """The signs of a linear map of the features.

    Args:
        bits: length of a code.
        fit: `(features, bits, seed) -> map` of tfhash/quantization/rotations.py.
        wider: whether there may be more bits than features.
        normalized: as of `rotations.apply`.
    """

    def __init__(self, bits, fit, *, wider=False, normalized=False):
        super().__init__(bits)
        self.map, self.wider, self.normalized = fit, wider, normalized

    def check(self):
        if not self.wider:
            super().check()

    def check_items(self, count):
        if not self.wider:  # else it is fitted to none
            _check_count(count, self.bits, f"--bits={count}")

    def shapes(self):
        return {"mean": (self.width,), "matrix": (self.bits, self.width), "bias": (self.bits,)}

    def fitted(self, features, seed):
        return self.map(features, self.bits, seed)

    def codes(self, outputs):
        mapped = rotations.apply(outputs, **self.values(), normalized=self.normalized)
        return kinds.BinaryCodes.from_signs(mapped)


class Products(Features):
    """Product codes, of the features or of a rotation of them, compared with float queries.

    Args:
        segments: of a code.
        bits: of a segment.
        rotated: whether the features are rotated first, as OPQ does.
    """

    def __init__(self, segments, bits, *, rotated=False):
        super().__init__()
        self.segments, self.bits, self.rotated = segments, bits, rotated

    def check(self):
        if self.width % self.segments and not (self.rotated and self.segments < self.width):
            fits = [n for n in range(1, self.width + 1) if self.width % n == 0]
            below = max(n for n in fits if n <= self.segments)
            near = [below, *(n for n in fits if n > self.segments)][:2]
            lengths = " or ".join(f"--bits={n * self.bits}" for n in near)
            raise ValueError(
                f"Expected segments that share the {self.width} features equally, of {self.bits} "
                f"bits each. Received: {self.segments} segments, --bits="
                f"{self.segments * self.bits}. Use {lengths}."
            )

    def check_items(self, count):
        _check_words(count, self.bits)
        if self.rotated:  # FAISS would write beyond its memory
            _check_count(count, self.width, "--method=pq")

    @property
    def kept(self):
        """Width of what is quantized."""
        return self.width - self.width % self.segments

    def shapes(self):
        books = (self.segments, 2**self.bits, self.kept // self.segments)
        rotation = {"matrix": (self.kept, self.width)} if self.rotated else {}
        return {"codebooks": books} | rotation

    def fitted(self, features, seed):
        rotation = {}
        if self.rotated:
            rotation["matrix"] = rotations.opq(features, self.segments, self.bits)["matrix"]
            features = _rotated(features, rotation["matrix"])
        books = codebooks.fit_product(features, self.segments, self.bits, seed=seed)
        return {"codebooks": books} | rotation

    def queries(self, outputs):
        return _rotated(outputs, self.arrays["matrix"].numpy()) if self.rotated else outputs

    def codes(self, outputs):
        books = self.arrays["codebooks"].numpy()
        numbers = codebooks.product_codes(self.queries(outputs), books)
        return kinds.ProductCodes(numbers, books)


class Sums(Features):
    """Additive codes, compared with float queries by Euclidean distance.

    Args:
        count: codebooks.
        bits: of a codebook.
        fit, assign: functions of tfhash/quantization/codebooks.py.
        drawn: whether `assign` draws at random for all items of a call at once.
        by_components: whether the fit takes principal components, as many as there are features.
    """

    def __init__(self, count, bits, fit, assign, *, drawn=False, by_components=False):
        super().__init__()
        self.count, self.bits, self._fit, self._assign = count, bits, fit, assign
        self.drawn, self.by_components = drawn, by_components

    def check_items(self, count):
        _check_words(count, self.bits)
        if self.by_components:
            _check_count(count, self.width, "--method=lsq")

    def shapes(self):
        return {"codebooks": (self.count, 2**self.bits, self.width)}

    def fitted(self, features, seed):
        return {"codebooks": self._fit(features, self.count, self.bits, seed=seed)}

    def codes(self, outputs):
        books = self.arrays["codebooks"].numpy()
        return kinds.AdditiveCodes(self._assign(outputs, books), books, "euclidean")

    def indexed(self, outputs):
        """As `codes`; where these are drawn, of each item by itself, which is slower."""
        if not self.drawn:
            return self.codes(outputs)
        books = self.arrays["codebooks"].numpy()
        numbers = [self._assign(outputs[[row]], books) for row in range(len(outputs))]
        return kinds.AdditiveCodes(np.concatenate(numbers), books, "euclidean")


class RaBits(Features):
    """RaBitQ's codes of the rotated principal components, compared with float queries.

    Args:
        dim: number of the components.
    """

    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def check(self):
        if self.dim > self.width:
            raise ValueError(
                f"Expected up to {self.width} dimensions, the width of the features. Received: "
                f"{self.dim}. Use --bits={self.width + rabitq.FACTORS}, of which two floats of an "
                f"item take {rabitq.FACTORS}."
            )

    def check_items(self, count):
        _check_count(count, self.dim, f"--bits={count + rabitq.FACTORS}")

    def shapes(self):
        map = {"matrix": (self.dim, self.width), "bias": (self.dim,)}
        return {"mean": (self.width,), "center": (self.dim,)} | map

    def fitted(self, features, seed):
        map = rotations.pca(features, self.dim, rotated=True)
        return map | {"center": rotations.apply(features, **map).mean(axis=0)}

    def queries(self, outputs):
        map = {name: value for name, value in self.values().items() if name != "center"}
        return rotations.apply(outputs, **map)

    def codes(self, outputs):
        center = self.arrays["center"].numpy()
        return kinds.RaBitQCodes.from_vectors(self.queries(outputs), center)


def _rotated(features, matrix):
    none = {"mean": np.zeros(matrix.shape[1], "f4"), "bias": np.zeros(len(matrix), "f4")}
    return rotations.apply(features, matrix=matrix, **none)


def _check_words(count, bits):
    _check_count(count, 2**bits, f"--codeword_bits={max(1, count.bit_length() - 1)}")


def _check_count(count, least, way_out):
    if count < least:
        raise ValueError(
            f"Expected {least} training items at least. Received: {count}. Use {way_out}, or more "
            "items."
        )
