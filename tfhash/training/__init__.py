"""Training: the plan of epochs, the step, the loop, and what happens beside it."""
