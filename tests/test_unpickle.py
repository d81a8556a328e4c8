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


TWICE = b"K\x01" + b"2\x86" * 100  # a tuple of twice the one before: 2**100 numbers
UNBOUNDED = {
    "a table of 2**31 entries": b"]r\xff\xff\xff\x7f.",
    "a nest as a key": b"}" + TWICE + b"K\x01s.",
    "a nest as a key of several": b"}(" + TWICE + b"K\x01u.",
    "a nest in a set": b"\x8f(" + TWICE + b"\x90.",
    "a nest in a frozen set": b"(" + TWICE + b"\x91.",
    "a nest in a set that is called": b"c__builtin__\nset\n](" + TWICE + b"e\x85R.",
    "a nest as a dtype": b"cnumpy\ndtype\n" + TWICE + b"\x85R.",
    "a nest as a shape": b"cnumpy.core.multiarray\n_reconstruct\n)R(K\x01" + TWICE
    + b"cnumpy\ndtype\nU\x02u1\x85R\x89U\x00tb.",
    "an empty string 2**40 times": b"cnumpy.core.multiarray\n_reconstruct\n)R(K\x01\x8a\x06"
    + (2**40).to_bytes(6, "little") + b"\x85cnumpy\ndtype\nU\x02S0\x85R\x89U\x00tb.",
    "2**33 bytes": b"\x96" + (2**33).to_bytes(8, "little") + b".",
}  # fmt: skip


@pytest.mark.parametrize("content", UNBOUNDED.values(), ids=UNBOUNDED)
def test_a_few_bytes_do_not_take_time_or_memory_without_end(tmp_path, content):
    (tmp_path / "small").write_bytes(b"\x80\x05" + content)
    try:
        assert unpickle.load_pickle(tmp_path / "small") == []  # the table is none here
    except ValueError as error:
        assert "small`" in str(error) and str(error).isprintable() and len(str(error)) < 500


def test_a_class_does_not_get_a_state(tmp_path):
    """Or a file would change what later files are read by."""
    content = b"\x80\x02cnumpy\ndtype\nN}U\x0c__setstate__Ns\x86b."
    (tmp_path / "state").write_bytes(content)
    before = dict(vars(unpickle._Dtype))
    with pytest.raises(ValueError, match="It asks for a state for type"):
        unpickle.load_pickle(tmp_path / "state")
    assert dict(vars(unpickle._Dtype)) == before


def test_lists_of_numbers_become_arrays_and_nests_do_not():
    np.testing.assert_array_equal(unpickle.array([1, 2.5, np.int8(3)]), [1, 2.5, 3])
    nest = [1]
    for _ in range(100):
        nest = [nest, nest]
    for value in (nest, [nest], None, "text", [b"a", 1]):
        assert unpickle.array(value).dtype == object and unpickle.array(value).shape == ()
