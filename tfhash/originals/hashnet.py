"""Files of HashNet: PyTorch's weights and snapshots, codes of a test.

Original: thuml/HashNet, pytorch/src/train.py, test.py, network.py.
"""

import dataclasses
import os

import numpy as np

from tfhash import checks, files, originals
from tfhash.backbones import resnet, vgg
from tfhash.originals.readers import pth

METHODS = ("hashnet",)
DATASETS = {"nus_wide": "nuswide_81"}
DATA_DIRS = ("data", "../data")  # from pytorch/, and from its src/
WEIGHTS = "~/.torch/models"  # where PyTorch 0.3 kept what it downloaded
TOPS = {"hashnet": {"imagenet": 1000, "nuswide_81": 5000, "coco": 5000}}
TRAINED_ON = "coco"


def read(model, path):
    """Fills a model from torchvision's weights, from a snapshot, or from keras.applications."""
    words = model.backbone.words
    if not words or path in words:  # another network than torchvision's, or Keras' weights of one
        return originals.read_backbone(model, path)
    arrays, counts = pth.read(path)
    wanted = {n: v for n, v in originals.variables(model).items() if n not in model.weights}
    whole = "hash_layer.weight" in arrays
    fitting = pth.fitting(wanted, arrays, path, head=whole)
    checks.assign(wanted, fitting, path)
    for name, value in counts.items():
        model.weights[name].assign(value)
    kept = "" if whole else "; the last layer is new"
    return [f"{path}: {len(fitting)} variables read{kept}"]


def recognizes(method, shapes):
    """Whether a file is a snapshot of HashNet."""
    return "hash_layer.weight" in shapes


def config_of(config, shapes):
    """`config` for a snapshot; its classes are unknown, and not needed to encode."""
    bits = shapes["hash_layer.weight"][0]
    return dataclasses.replace(config, bits=bits, img_model=network_name(shapes)), 1


def report(result, folder):
    """Writes sign codes and labels under the original's names, iter_09000_test_code.npy."""
    paths, step = [], int(result.weights["iter_num"].numpy())
    for part, encoded in (("database", result.database), ("test", result.query)):
        signs = np.where(encoded.outputs >= 0, 1, -1)
        for kind, array in (("code", signs), ("labels", encoded.labels)):
            paths.append(os.path.join(folder, f"iter_{step:05d}_{part}_{kind}.npy"))
            with files.whole(paths[-1]) as partial:
                np.save(partial, np.asarray(array, np.float32))
    return paths


def network_name(shapes):
    """The name of the network here whose state dict has these `{name: shape}`.

    Raises:
        ValueError: it is none of torchvision's AlexNet, VGG or ResNet; names the first keys.
    """
    stages = [
        len({name.split(".")[1] for name in shapes if name.startswith(f"layer{stage}.")})
        for stage in range(1, 5)
    ]
    if any(stages):
        wide = "layer1.0.conv3.weight" in shapes
        for depth, counts in resnet.DEPTHS.items():
            if list(counts) == stages and wide == (depth >= resnet.BOTTLENECK):
                return f"ResNet{depth}"
    kernels = [
        shape for name, shape in shapes.items() if len(shape) == 4 and name.startswith("features.")
    ]
    if kernels and kernels[0][-1] == 11:
        return "AlexNet"
    for depth, counts in vgg.DEPTHS.items():
        if len(kernels) == sum(counts):
            return f"VGG{depth}" + ("BN" if "features.1.running_mean" in shapes else "")
    raise ValueError(
        f"Expected a state dict of AlexNet, a VGG or a ResNet. Received: {sorted(shapes)[:3]}."
    )
