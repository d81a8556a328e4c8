"""Optimizers as the originals compute them, with a learning rate factor for each variable."""

import keras


class Momentum(keras.optimizers.Optimizer):
    """Gradient descent with momentum; the learning rate stays outside of the accumulator.

    accumulator = momentum accumulator + g, variable -= learning_rate factor accumulator; so do
    TensorFlow 1's MomentumOptimizer and PyTorch's SGD. Keras' SGD folds the learning rate into
    the accumulator, which differs once the rate changes.

    Args:
        learning_rate: number or schedule.
        momentum: share of the accumulator that is kept.
        nesterov: steps by g + momentum accumulator, as PyTorch does.
        l2: adds l2 times the variable to its gradient: PyTorch's weight decay.
        factors: `(path of a variable) -> float`, times the learning rate; None for 1.
    """

    def __init__(self, learning_rate, momentum=0.9, *, nesterov=False, l2=0.0, factors=None):
        super().__init__(learning_rate, name="momentum")
        self.momentum, self.nesterov, self.l2 = momentum, nesterov, l2
        self.factors = factors or (lambda path: 1.0)

    def build(self, variables):
        """Makes the accumulators."""
        if not self.built:
            super().build(variables)
            self._factor_of = [self.factors(variable.path) for variable in variables]
            self._accumulators = [
                self.add_variable_from_reference(variable, name="accumulator")
                for variable in variables
            ]

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable and its accumulator."""
        learning_rate = keras.ops.cast(learning_rate, variable.dtype)
        gradient = keras.ops.cast(gradient, variable.dtype)
        if self.l2:
            gradient = gradient + self.l2 * variable
        accumulator = self._accumulators[self._get_variable_index(variable)]
        kept = self.momentum * accumulator + gradient
        self.assign(accumulator, kept)
        step = gradient + self.momentum * kept if self.nesterov else kept
        factor = self._factor_of[self._get_variable_index(variable)]
        self.assign_sub(variable, learning_rate * factor * step)


class Adam(keras.optimizers.Adam):
    """Keras' Adam with a learning rate factor for each variable.

    Args:
        learning_rate: number or schedule.
        factors: `(path of a variable) -> float`, times the learning rate.
        settings: beta_1, beta_2 and epsilon of `keras.optimizers.Adam`.
    """

    def __init__(self, learning_rate, *, factors, **settings):
        super().__init__(learning_rate, **settings)
        self.factors = factors

    def build(self, variables):
        """Makes the moments."""
        super().build(variables)
        self._factor_of = [self.factors(variable.path) for variable in variables]

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable and its moments."""
        factor = self._factor_of[self._get_variable_index(variable)]
        super().update_step(gradient, variable, learning_rate * factor)


def scaled(optimizer, rates):
    """A Keras optimizer, whose learning rate is multiplied by a number for each variable.

    Args:
        optimizer: not built; is changed, unless all numbers are 1.
        rates: of the variables that it will be built for, in their order.
    """
    plain = optimizer.update_step

    def update_step(gradient, variable, learning_rate):
        rate = rates[optimizer._get_variable_index(variable)]
        plain(gradient, variable, learning_rate * rate)

    if any(rate != 1 for rate in rates):
        optimizer.update_step = update_step
    return optimizer


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate schedule of a function of the step, such as `step_decay`.

    Args:
        function: takes a float tensor, the step from 0, and `settings`.
        settings: keywords of `function`.
    """

    def __init__(self, function, **settings):
        super().__init__()
        self.function, self.settings = function, settings

    def __call__(self, step):
        return self.function(keras.ops.cast(step, "float32"), **self.settings)


def step_decay(step, *, rate, gamma, every):
    """`rate` times `gamma` to the power of step // every; `step` is a float tensor."""
    return rate * keras.ops.power(
        keras.ops.convert_to_tensor(gamma, dtype=step.dtype), step // every
    )


def inverse_decay(step, *, rate, gamma, power):
    """`rate` (1 + gamma step) ** -power; `step` is a float tensor."""
    return rate * (1 + gamma * step) ** (-power)


def multistep_decay(step, *, rate, boundaries, gamma=0.1):
    """`rate` times `gamma` for each of the `boundaries` reached; `step` is a float tensor."""
    reached = sum(keras.ops.cast(step >= boundary, step.dtype) for boundary in boundaries)
    return rate * keras.ops.power(keras.ops.convert_to_tensor(gamma, dtype=step.dtype), reached)
