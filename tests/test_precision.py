"""A precision that the machine does not have is an error before the network is made."""

import pytest
import tensorflow as tf

from tests import examples
from tfhash import precision


def test_the_wide_precisions_are_everywhere():
    for name in ("float32", "float64"):
        precision.check(name)


def test_a_precision_without_convolutions_is_named(monkeypatch):
    def refuse(*given):
        raise tf.errors.AbortedError(None, None, "could not create a primitive descriptor")

    monkeypatch.setattr(tf.nn, "conv2d", refuse)
    with pytest.raises(ValueError, match="convolution in float16 here. Received: 'mixed_float16'"):
        examples.model("gpq", precision="mixed_float16")
