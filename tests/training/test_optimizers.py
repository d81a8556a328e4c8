import keras
import numpy as np
import pytest

from tfhash.training import optimizers


def run(optimizer, gradients, start=1.0, name="w"):
    """The values of a variable after each gradient."""
    variable = keras.Variable(np.float32([start]), name=name)
    optimizer.build([variable])
    values = []
    for gradient in gradients:
        optimizer.apply([np.float32([gradient])], [variable])
        values.append(float(variable.numpy()[0]))
    return values


def halving():
    """0.1 at the first step, 0.05 from the second on."""
    return keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.1, 0.05])


def test_the_learning_rate_is_outside_of_the_accumulator():
    """Accumulators 1 and 0.9 + 1 = 1.9: 1 - 0.1 x 1 = 0.9, then 0.9 - 0.05 x 1.9 = 0.805."""
    assert run(optimizers.Momentum(halving()), [1, 1]) == pytest.approx([0.9, 0.805])


def test_nesterov_and_weight_decay_are_pytorchs():
    """g = 1 + 0.5 x 1 = 1.5, accumulator 1.5, step 1.5 + 0.9 x 1.5 = 2.85: 1 - 0.1 x 2.85.

    Then g = 0.5 x 0.715 = 0.3575, accumulator 1.35 + 0.3575 = 1.7075, step 0.3575 + 1.53675.
    """
    optimizer = optimizers.Momentum(0.1, nesterov=True, l2=0.5)
    assert run(optimizer, [1, 0]) == pytest.approx([0.715, 0.715 - 0.189425])


@pytest.mark.parametrize("make", [optimizers.Momentum, optimizers.Adam])
def test_a_factor_multiplies_the_learning_rate_of_its_variable(make):
    def factors(path):
        return {"w": 1.0, "b": 2.0}[path]

    one, two = (run(make(0.1, factors=factors), [1, 3], name=name)[-1] for name in "wb")
    assert 1 - two == pytest.approx(2 * (1 - one))


@pytest.mark.parametrize(
    "make", [optimizers.Momentum, keras.optimizers.SGD, keras.optimizers.Adam], ids=str
)
def test_an_optimizer_is_slowed_for_some_variables(make):
    """The second of two variables takes half a step, where both would take the same."""
    variables = [keras.Variable(np.float32([1]), name=name) for name in "wv"]
    optimizer = optimizers.scaled(make(0.1), [1.0, 0.5])
    optimizer.build(variables)
    for gradient in (1, 3):
        optimizer.apply([np.float32([gradient])] * 2, variables)
    one, two = (float(variable.numpy()[0]) for variable in variables)
    assert one < 1 and 1 - two == pytest.approx((1 - one) / 2)
