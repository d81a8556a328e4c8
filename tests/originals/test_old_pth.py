"""Files of PyTorch's layouts before 0.4, which no PyTorch of today writes."""

import collections

import numpy as np
import pytest

from tests.originals import torch_writer as torch
from tfhash.originals.readers import pth

WEIGHT = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2)
BIAS = np.array([0.5, -1], np.float32)


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    torch.install(monkeypatch)


def assert_read(path, expected, counts=None):
    arrays, found = pth.read(path)
    assert found == (counts or {}) and set(arrays) == set(expected)
    for name, array in expected.items():
        assert type(arrays[name]) is np.ndarray and arrays[name].dtype == np.float32
        np.testing.assert_array_equal(arrays[name], array)


def state_dict(wrap):
    return collections.OrderedDict(
        [("features.0.weight", wrap(WEIGHT)), ("features.0.bias", wrap(BIAS))]
    )


EXPECTED = {"features.0.weight": WEIGHT, "features.0.bias": BIAS}
WRAPPERS = {
    "tensors": torch.FloatTensor,
    "rebuilt tensors": torch.RebuiltTensor,
    "parameters": lambda array: torch.Parameter(torch.FloatTensor(array)),
    "parameters of five entries": lambda array: torch.Parameter(torch.FloatTensor(array), 5),
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_a_state_dict_of_2017_is_read(tmp_path, wrap):
    """As vgg11-bbd30ac9.pth and vgg13-c768596a.pth: `torch.FloatTensor` and a state."""
    torch.write_rows(tmp_path / "vgg11.pth", state_dict(wrap))
    assert_read(tmp_path / "vgg11.pth", EXPECTED)


@pytest.mark.parametrize("places", [True, False])
@pytest.mark.parametrize("wrap", [WRAPPERS["tensors"], WRAPPERS["parameters of five entries"]])
def test_a_tar_archive_of_2016_is_read(tmp_path, wrap, places):
    """As resnet18-5c106cde.pth."""
    torch.write_tar(tmp_path / "resnet18.pth", state_dict(wrap), places)
    assert_read(tmp_path / "resnet18.pth", EXPECTED)


def test_a_snapshot_of_hashnet_by_pytorch_0_3_1_is_read(tmp_path):
    """The network of train.py: torch.save(nn.Sequential(base_network), ...)."""

    def parameter(array):
        return torch.Parameter(torch.RebuiltTensor(array))

    conv = torch.Conv2d({"weight": parameter(WEIGHT), "bias": None})
    norm = torch.BatchNorm2d(buffers={"running_mean": torch.RebuiltTensor(BIAS)})
    layers = {"conv1": conv, "bn1": norm, "feature_layers": torch.Sequential(modules={"0": conv})}
    base = torch.ResNetFc(modules=layers, iter_num=70, scale=3.5)
    torch.write_rows(tmp_path / "iter_00070_model.pth.tar", torch.Sequential(modules={"0": base}))
    assert_read(
        tmp_path / "iter_00070_model.pth.tar",
        {"conv1.weight": WEIGHT, "bn1.running_mean": BIAS},
        {"iter_num": 70, "scale": 3.5},
    )


@pytest.mark.parametrize("write", [torch.write_rows, torch.write_tar])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_named(tmp_path, write, share):
    path = tmp_path / "w.pth"
    write(path, state_dict(torch.FloatTensor))
    content = path.read_bytes().rstrip(b"\0")
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match="w.pth.*truncated"):
        pth.read(path)
