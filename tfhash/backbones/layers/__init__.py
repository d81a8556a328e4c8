"""Layers that several backbones share, or that Keras lacks. Their classes derive from Keras'."""

from tfhash import lazy

batch_norm = lazy.module(f"{__name__}.batch_norm")
caffe_layers = lazy.module(f"{__name__}.caffe_layers")
dropout = lazy.module(f"{__name__}.dropout")
keras_layers = lazy.module(f"{__name__}.keras_layers")
nin_layers = lazy.module(f"{__name__}.nin_layers")
torchvision_layers = lazy.module(f"{__name__}.torchvision_layers")
vector_layers = lazy.module(f"{__name__}.vector_layers")
