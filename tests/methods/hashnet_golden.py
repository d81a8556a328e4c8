"""HashNet with the golden weights, for several tests."""

from tests import golden
from tfhash import checks, originals
from tfhash.backbones import base as backbones
from tfhash.methods import hashnet
from tfhash.originals.readers import pth

SMALL = {"img_model": "ResNet18", "bits": 48, "crop_size": 64, "resize_size": 0}


def method(**changes):
    """HashNet of the network and the sizes of the golden files."""
    return hashnet.Method(hashnet.Config(**SMALL | changes), num_classes=3)


def network_variables(recipe):
    """`{name: variable}` that a file of PyTorch holds."""
    return {n: v for n, v in originals.variables(recipe).items() if n not in recipe.weights}


def assign_golden(recipe, seed, gain):
    """Gives a `Method` the weights of a golden file."""
    arrays = golden.weights("hashnet").build("resnet18", int(seed), 48, float(gain))
    variables = network_variables(recipe)
    checks.assign(variables, pth.fitting(variables, arrays, "golden", head=True), "golden")
    return recipe


def normalized(seed, count, size):
    pixels = golden.seeded.images(int(seed), int(count), int(size), int(size))
    return backbones.IMAGENET.normalize(pixels)
