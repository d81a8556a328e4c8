import collections
import os
import pickle

import numpy as np
import pytest

from tfhash import unpickle

ARRAYS = {
    b"data": np.arange(12, dtype=np.uint8).reshape(3, 4),
    b"transposed": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    b"wide": np.arange(4, dtype=">i4"),
    b"words": np.array(["one", "three"]),
    b"objects": np.array([b"a", 2, [3]], dtype=object),
    b"empty": np.zeros((0, 5), np.float32),
}
PLAIN = {
    b"labels": [1, 2, 3],
    "text": "ä",
    b"bytes": [b"\xff\x00", b""],
    "pair": (1.5, None, True),
    "set": {1, 2},
    "frozen": frozenset([3]),
    "ordered": collections.OrderedDict(a=1),
    "scalars": [np.float64(0.5), np.int16(-3)],
}


class Evil:
    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def write(path, value, protocol=4):
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", range(6))
def test_plain_containers_come_back(tmp_path, protocol):
    assert unpickle.load_pickle(write(tmp_path / "plain", PLAIN, protocol)) == PLAIN


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_come_back(tmp_path, protocol):
    found = unpickle.load_pickle(write(tmp_path / "arrays", ARRAYS, protocol))
    assert set(found) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found[name], array)


def test_arrays_written_before_numpy_2_come_back(tmp_path):
    new = pickle.dumps(ARRAYS[b"data"], protocol=3)
    old = new.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert old != new
    (tmp_path / "old").write_bytes(old)
    np.testing.assert_array_equal(unpickle.load_pickle(tmp_path / "old"), ARRAYS[b"data"])


def test_an_array_written_by_python_2_comes_back(tmp_path):
    text = (
        b"\x80\x02}q\x01U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\n"
        b"q\x04K\x00\x85U\x01b\x87Rq\x05(K\x01K\x02K\x03\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01"
        b"\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x06abcdeftbs."
    )
    (tmp_path / "python2").write_bytes(text)
    found = unpickle.load_pickle(tmp_path / "python2")
    np.testing.assert_array_equal(found[b"data"], [[97, 98, 99], [100, 101, 102]])


@pytest.mark.parametrize(
    "evil, name",
    [
        (Evil(os.system, "touch {marker}"), "system"),
        (Evil(eval, "open('{marker}', 'w')"), "builtins.eval"),
        (Evil(os.mkdir, "{marker}"), "mkdir"),
        ([{"deep": Evil(getattr, "x", "y")}], "builtins.getattr"),
        (np.load, "numpy.load"),
    ],
    ids=["system", "eval", "mkdir", "getattr", "function"],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_runs_code_is_refused(tmp_path, evil, name, protocol):
    marker = tmp_path / "marker"
    if isinstance(evil, Evil):
        evil.arguments = tuple(part.format(marker=marker) for part in evil.arguments)
    path = write(tmp_path / "evil", evil, protocol)
    with pytest.raises(ValueError, match=rf"evil.*{name}"):
        unpickle.load_pickle(path)
    assert not marker.exists()


def test_an_object_of_an_own_class_is_refused_by_its_name(tmp_path):
    path = write(tmp_path / "path", tmp_path)
    with pytest.raises(ValueError, match=r"It asks for pathlib\S*Path"):
        unpickle.load_pickle(path)


def test_an_array_with_fields_is_refused(tmp_path):
    path = write(tmp_path / "fields", np.zeros(2, [("a", "u1"), ("b", object)]))
    with pytest.raises(ValueError, match="fields"):
        unpickle.load_pickle(path)


def test_an_array_that_claims_more_than_it_holds_is_refused(tmp_path):
    text = pickle.dumps(np.arange(10, dtype=np.uint8), protocol=3)
    path = tmp_path / "short"
    path.write_bytes(text.replace(b"K\x01K\n\x85", b"K\x01K\xff\x85"))
    with pytest.raises(ValueError, match=r"short.*\[255\] is incomplete"):
        unpickle.load_pickle(path)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_a_truncated_pickle_is_named(tmp_path, share):
    text = pickle.dumps(ARRAYS)
    path = tmp_path / "half"
    path.write_bytes(text[: int(share * len(text))])
    with pytest.raises(ValueError, match="half.*truncated"):
        unpickle.load_pickle(path)


def test_what_is_no_pickle_is_named(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("CIFAR-10 is elsewhere")
    with pytest.raises(ValueError, match=r"notes\.txt.*no pickle"):
        unpickle.load_pickle(path)
