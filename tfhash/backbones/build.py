"""Backbones by name."""

import functools

from tfhash.backbones import caffe_alexnet, fixed_vgg, nin, resnet, tiny, torchvision_alexnet, vgg

NETWORKS = {
    "alexnet": caffe_alexnet.build,
    "fixed_vgg": fixed_vgg.build,
    "nin": nin.build,
    "tiny": tiny.build,
    "AlexNet": torchvision_alexnet.build,  # torchvision's, by the names of HashNet's --net
    **{
        f"VGG{depth}{'BN' if norm else ''}": functools.partial(vgg.build, depth=depth, norm=norm)
        for norm in (False, True)
        for depth in vgg.DEPTHS
    },
    **{f"ResNet{depth}": functools.partial(resnet.build, depth=depth) for depth in resnet.DEPTHS},
}


def build(name, output_dim, *, dtype="float32"):
    """The backbone `name`: `[batch, height, width, 3]` -> `[batch, output_dim]` float.

    Args:
        name: a key of `NETWORKS`.
        output_dim: width of the last linear layer.
        dtype: Keras dtype policy, such as "mixed_bfloat16".
    Raises:
        ValueError: an unknown name.
    """
    if name not in NETWORKS:
        raise ValueError(f"Expected a network of {sorted(NETWORKS)}. Received: {name!r}.")
    return NETWORKS[name](output_dim, dtype=dtype)
