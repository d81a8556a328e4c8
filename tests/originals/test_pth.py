import os
import pickle
import zipfile

import numpy as np
import pytest

from tests import golden
from tfhash.originals.readers import pth, torch_files

FOLDER = golden.ROOT / "hashnet"
KINDS = ("zip", "legacy")


@pytest.fixture(scope="module")
def expected():
    case = golden.case("hashnet/tiny_pth")
    return {key.removeprefix("out_"): case[key] for key in case.keys()}


def part(expected, name):
    return {k.removeprefix(f"{name}/"): v for k, v in expected.items() if k.startswith(f"{name}/")}


def assert_equal(found, wanted):
    assert set(found) == set(wanted)
    for name, array in wanted.items():
        assert found[name].dtype == array.dtype, name
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_dict_is_read(kind, expected):
    found = torch_files.load(FOLDER / f"tiny_{kind}.pth")
    assert list(found) == expected["state_keys"].tolist()
    assert_equal(found, part(expected, "state"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_dict_of_parameters_is_read(kind, expected):
    wanted = part(expected, "state")
    del wanted["1.num_batches_tracked"]
    assert_equal(torch_files.load(FOLDER / f"tiny_parameters_{kind}.pth"), wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_views_and_all_dtypes_are_read(kind, expected):
    assert_equal(torch_files.load(FOLDER / f"tiny_odd_{kind}.pth"), part(expected, "odd"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_with_a_state_dict_is_read(kind, expected):
    stored = torch_files.load(FOLDER / f"tiny_checkpoint_{kind}.pth")
    assert stored["epoch"] == expected["checkpoint/epoch"]
    found, _ = pth.read(FOLDER / f"tiny_checkpoint_{kind}.pth")
    wanted = part(expected, "state")
    del wanted["1.num_batches_tracked"]
    assert_equal(found, wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickled_module_is_read_as_its_state_dict(kind, expected):
    module = torch_files.load(FOLDER / f"tiny_whole_module_{kind}.pth")
    wanted = {f"0.{name}": array for name, array in part(expected, "state").items()}
    assert_equal(module.arrays(), wanted)


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_legacy_file_that_would_run_code_is_refused_and_not_run(tmp_path):
    data = b"".join(
        pickle.dumps(part, protocol=2)
        for part in (torch_files.MAGIC, torch_files.PROTOCOL, {}, {"a": Bomb(tmp_path / "ran")}, [])
    )
    (tmp_path / "w.pth").write_bytes(data)
    with pytest.raises(ValueError, match=r"w.pth.*mkdir.*could run code"):
        torch_files.load(tmp_path / "w.pth")
    assert not (tmp_path / "ran").exists()


def test_a_zip_file_that_would_run_code_is_refused_and_not_run(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.pth", "w") as archive:
        archive.writestr("w/data.pkl", pickle.dumps(Bomb(tmp_path / "ran"), protocol=2))
    with pytest.raises(ValueError, match=r"w.pth.*mkdir.*could run code"):
        torch_files.load(tmp_path / "w.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "name", ["torch.nn.modules.linear\nos.system", "network\nload", "torch\nload", "os\nsystem"]
)
def test_names_beside_those_of_tensors_and_modules_are_refused(tmp_path, name):
    pickled = b"\x80\x02c" + name.encode() + b"\n(tR."
    with zipfile.ZipFile(tmp_path / "w.pth", "w") as archive:
        archive.writestr("w/data.pkl", pickled)
    with pytest.raises(ValueError, match="could run code"):
        torch_files.load(tmp_path / "w.pth")


@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_file_is_named(tmp_path, kind):
    data = (FOLDER / f"tiny_{kind}.pth").read_bytes()
    (tmp_path / "w.pth").write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match="w.pth.*damaged, truncated"):
        torch_files.load(tmp_path / "w.pth")


@pytest.mark.parametrize("data", [b"", b"nothing", pickle.dumps({"a": 1})])
def test_a_file_that_is_no_pth_is_named(tmp_path, data):
    (tmp_path / "w.pth").write_bytes(data)
    with pytest.raises(ValueError, match="w.pth"):
        torch_files.load(tmp_path / "w.pth")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="none.pth"):
        torch_files.load(tmp_path / "none.pth")


@pytest.mark.parametrize(
    "size, stride, offset",
    [((5,), (1,), 0), ((2, 2), (4, 1), 0), ((1,), (1,), 4), ((2,), (-1,), 1)],
)
def test_a_tensor_beyond_its_storage_is_refused(size, stride, offset):
    with pytest.raises(pickle.UnpicklingError):
        torch_files._rebuild_tensor(np.zeros(4, np.float32), offset, size, stride)


def test_a_file_of_another_network_is_refused_with_its_keys():
    variables = {"conv1/kernel": None, "bn1/gamma": None, "hash_layer/kernel": None}
    arrays = {"features.0.weight": np.zeros(1), "classifier.6.weight": np.zeros(1)}
    with pytest.raises(ValueError, match=r"Missing: \['conv1.weight', 'bn1.weight'\].*features.0"):
        pth.fitting(variables, arrays, "w.pth", head=False)


NUMBER = b"\x01" + b"\0" * 7 + b"\0\0\x80?"  # a storage of a number, 1


def rows(value, behind=b"\x80\x02]."):
    """A file before PyTorch 1.6 of a pickle, and what is behind it: keys and contents."""
    head = (pickle.dumps(n, 2) for n in (torch_files.MAGIC, torch_files.PROTOCOL, {}))
    return b"".join(head) + value + behind


def tensor(name, side, step):
    """A pickle of {name: a tensor of `side` numbers, `step` apart}, of a storage of one number."""
    storage = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x01NtQ"
    numbers = b"".join(b"J" + n.to_bytes(4, "little") + b"\x85" for n in (side, step))
    name = b"X" + len(name).to_bytes(4, "little") + name
    return (
        b"\x80\x02}"
        + name
        + b"ctorch._utils\n_rebuild_tensor\n("
        + storage
        + b"K\0"
        + (numbers + b"tRs.")
    )


MODULE = b"\x80\x02ctorch.nn.modules.linear\nLinear\n)\x81q\x01"
LETTERS = b"".join(b"X\x01\0\0\0" + bytes([65 + n]) + b"h\x01" for n in range(20))
KEY = pickle.dumps(["0"], 2) + NUMBER
HOSTILE = {
    "a step of 0": (rows(tensor(b"w", 2**29, 0), KEY), r"tensor \[536870912\] is larger"),
    "modules within themselves": (
        rows(MODULE + b"}X\x08\0\0\0_modules}(" + LETTERS + b"usb."),
        "modules that hold each other",
    ),
    "a state of no dictionary": (rows(MODULE + b"K\x05b."), "a state for Module"),
    "a name without end": (rows(tensor(b"0." + b"a" * 10**6, 1, 1), KEY), "a state dict"),
}


def test_a_file_by_hand_is_read(tmp_path):
    (tmp_path / "w.pth").write_bytes(rows(tensor(b"w", 1, 1), KEY))
    np.testing.assert_array_equal(pth.read(tmp_path / "w.pth")[0]["w"], [1])


@pytest.mark.parametrize("content, message", HOSTILE.values(), ids=HOSTILE)
def test_a_file_made_to_take_time_or_memory_is_refused(tmp_path, content, message):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(ValueError, match=f"w.pth`.*{message}"):
        pth.read(tmp_path / "w.pth")


@pytest.mark.parametrize("attribute", [b"_modules", b"_buffers"])
def test_modules_with_attributes_of_other_types_hold_nothing(tmp_path, attribute):
    name = b"X" + len(attribute).to_bytes(4, "little") + attribute
    (tmp_path / "w.pth").write_bytes(rows(MODULE + b"}" + name + b"K\x05sb."))
    assert pth.read(tmp_path / "w.pth") == ({}, {})


def test_compressed_members_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w/data.pkl", tensor(b"w", 1, 1))
        archive.writestr("w/data/0", b"\0" * 10**7)
    with pytest.raises(ValueError, match="w.pth.*compressed or larger than the file"):
        pth.read(tmp_path / "w.pth")
