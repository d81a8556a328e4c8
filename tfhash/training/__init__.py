"""Training: the plan of epochs, the step, the loop, and what happens beside it."""

from tfhash import lazy

# Their classes derive from Keras'.
callbacks = lazy.module(f"{__name__}.callbacks")
optimizers = lazy.module(f"{__name__}.optimizers")
