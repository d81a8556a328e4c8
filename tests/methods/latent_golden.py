"""Latent hashing as published, with the golden weights, for several tests."""

from tests import golden
from tfhash import checks, originals
from tfhash.backbones import alexnet
from tfhash.methods import latent

CONVOLUTIONS = {name for name in alexnet.LAYERS if name.startswith("conv")}


def published():
    """Latent hashing on its AlexNet, but without dropout."""
    return latent.Method(latent.Config(keep_prob=1.0), num_classes=10)


def assign_golden(recipe, seed):
    """Gives a `Method` the weights of a golden file."""
    layers = golden.weights("latent").build(int(seed), 48, 10)
    arrays = {
        f"{layer}/{leaf}": array
        for layer, both in layers.items()
        for leaf, array in zip(("kernel", "bias"), both)
    }
    checks.assign(originals.variables(recipe), arrays, "golden")


def prepared(recipe, seed, count):
    """Images of a seed, ready for the network."""
    return recipe.input.prepare(golden.seeded.images(int(seed), count, 227, 227))
