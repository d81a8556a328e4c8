"""State dicts and networks of PyTorch's .pth files as `{name: array}`, and as Keras needs them."""

import re

import numpy as np

from tfhash import checks
from tfhash.originals.readers import torch_files

HEAD = ("fc.", "classifier.6.")  # the last layer of a network trained on ImageNet


def read(path):
    """The arrays of a state dict, of a checkpoint that holds one, or of a pickled module.

    Returns:
        `{name: array}` by torchvision's names: without "module." of a data-parallel network, and
        of a HashNet snapshot without "0." and the copies under "feature_layers."; and
        `{"iter_num": ..., "scale": ...}` of a HashNet snapshot, else `{}`.
    Raises:
        ValueError: as `torch_files.load`, or there is no state dict.
    """
    stored = torch_files.load(path)
    counts = {}
    if isinstance(stored, dict) and isinstance(stored.get("state_dict"), dict):
        stored = stored["state_dict"]
    if isinstance(stored, torch_files.Module):
        counts = _counts(stored.members("_modules").get("0", stored))
        try:
            stored = stored.arrays()
        except ValueError as error:
            raise ValueError(f"`{path}`: expected a network. Received: {error}.") from error
    if not isinstance(stored, dict) or not all(map(_is_tensor, stored.items())):
        raise ValueError(f"`{path}`: expected a dictionary of tensors, a state dict.")
    arrays = {_plain_name(name): array for name, array in stored.items() if _own(name)}
    return {name: array.view(np.ndarray) for name, array in arrays.items()}, counts


def _counts(module):
    """Of a module of HashNet, the steps that it has been trained and the scale before the tanh."""
    known = module.attributes if isinstance(module, torch_files.Module) else {}
    counts = {name: known.get(name) for name in ("iter_num", "scale")}
    return {name: value for name, value in counts.items() if isinstance(value, (int, float))}


def _is_tensor(item):
    name, array = item
    named = isinstance(name, str) and len(name) <= torch_files.LONGEST_NAME
    return named and isinstance(array, np.ndarray) and array.dtype.kind in "fiub"


def _own(name):
    return "feature_layers." not in name and not name.endswith("num_batches_tracked")


def _plain_name(name):
    name = name.removeprefix("module.")
    name = re.sub(r"^0\.(?=\w*[a-z]\w*\.)", "", name)  # 0.conv1.weight, not the 0.weight of a list
    return re.sub(r"^classifier\.classifier(?=\d)", "classifier.", name)


def torch_name(path):
    """The name in a state dict of a variable of the networks here: conv1/kernel, conv1.weight."""
    layer, _, leaf = path.rpartition("/")
    leaves = {"kernel": "weight", "gamma": "weight", "beta": "bias"}
    leaves |= {"moving_mean": "running_mean", "moving_variance": "running_var"}
    return f"{layer}.{leaves.get(leaf, leaf)}"


def to_keras(array):
    """A PyTorch kernel as Keras lays it out: `[out, in, h, w]` or `[out, in]`; vectors as is."""
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    return array.T


def fitting(variables, arrays, path, *, head):
    """`{name: array}` for the variables of a torchvision network.

    Args:
        variables: `{name: variable}` of the network.
        arrays: what `read` gives.
        path: the file, for the error.
        head: whether the file must hold the hash layer too; else it keeps what it has.
    Raises:
        ValueError: the file is of another network; names the first keys that differ.
    """
    wanted = {torch_name(name): name for name in variables}
    if not head:
        wanted = {key: name for key, name in wanted.items() if not key.startswith("hash_layer.")}
    extra = [key for key in arrays if key not in wanted and not key.startswith(HEAD)]
    missing = [key for key in wanted if key not in arrays]
    if not head:
        extra = [key for key in extra if not key.startswith("hash_layer.")]
    if missing or extra:
        raise ValueError(
            f"`{path}` holds the weights of another network. Missing: {missing[:3]}, unknown: "
            f"{checks.brief(extra[:3])}. Choose the network by --net."
        )
    return {name: to_keras(arrays[key]) for key, name in wanted.items()}
