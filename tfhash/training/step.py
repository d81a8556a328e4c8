"""One step of a training, over all replicas: their losses are those of the global batch."""

import typing

from tfhash.lazy import tf
from tfhash.methods import base
from tfhash.training import distribution

WATCHED = 2**16  # values of a variable that a histogram takes at most


class Outcome(typing.NamedTuple):
    """What a step gives.

    Attributes:
        logs: `{name: scalar}`: loss, its terms, measures, learning rate, norm of the gradients.
        outputs: `{stream: [batch, dim]}` that the losses were taken of.
        positions: `{stream: [batch]}` of the images in the training part.
        watched: `{name: values}` of weights and gradients, for histograms.
    """

    logs: dict
    outputs: dict
    positions: dict
    watched: dict


class Step:
    """Runs the network on each replica, gathers the outputs of all, takes the method's losses of
    the global batch and divides by the number of replicas; so N replicas give the weights of one,
    for losses over pairs and triplets too.

    Args:
        recipe: the `Method`.
        optimizer: a Keras optimizer, built for `variables`.
        variables: those that are trained.
        strategy: the `tf.distribute.Strategy`.
        jit_compile: compiles the step by XLA.
    """

    def __init__(self, recipe, optimizer, variables, strategy, *, jit_compile=False):
        self.recipe, self.optimizer = recipe, optimizer
        self.variables, self.strategy = variables, strategy
        self._run = tf.function(self._on_replicas, jit_compile=jit_compile or None)

    def __call__(self, batch):
        """Trains on `{stream: {"images", "labels", "positions"}}`; an `Outcome`."""
        return Outcome(*self._run(batch))

    def _on_replicas(self, batch):
        results = self.strategy.run(self._on_replica, args=(batch,))
        # Every replica has the whole of each: losses and outputs are of the global batch.
        return tuple({name: self._first(v) for name, v in part.items()} for part in results)

    def _first(self, value):
        return self.strategy.experimental_local_results(value)[0]

    def _on_replica(self, batch):
        recipe, streams = self.recipe, self.recipe.streams
        replicas = tf.distribute.get_replica_context().num_replicas_in_sync
        learning_rate = tf.identity(self.optimizer.learning_rate)
        with tf.GradientTape() as tape:
            outputs = recipe.outputs({s: batch[s]["images"] for s in streams})
            outputs = {s: distribution.gather(outputs[s]) for s in streams}
            labels = {s: distribution.gather(batch[s]["labels"]) for s in streams}
            labels = {s: tf.cast(labels[s], outputs[s].dtype) for s in streams}
            positions = {s: distribution.gather(batch[s]["positions"]) for s in streams}
            gathered = base.Batch(labels, positions)
            terms = recipe.losses(outputs, gathered)
            loss = tf.add_n(list(terms.values()))
            scaled = self.optimizer.scale_loss(loss / replicas)
        logs = {"loss": loss, **terms, "learning_rate": learning_rate}
        for name, value in recipe.measures(outputs, gathered).items():
            logs[base.MEASURED + name] = value
        if not self.variables:  # of a method that is fitted otherwise
            return logs, outputs, positions, {}
        gradients = tape.gradient(scaled, [v.value for v in self.variables])
        summed = self._summed(gradients, replicas)
        norm = tf.linalg.global_norm(list(summed.values()))
        logs["gradient_norm"] = norm / self.optimizer.scale_loss(tf.ones([], norm.dtype))
        watched = self._sample(summed) if recipe.config.habits.histograms_every else {}
        self.optimizer.apply(gradients, self.variables)
        return logs, outputs, positions, watched

    def _summed(self, gradients, replicas):
        """`{path of a variable: gradient of the global loss}`, times the scale of the loss."""
        own = {v.path: g for v, g in zip(self.variables, gradients) if g is not None}
        if replicas > 1:
            context = tf.distribute.get_replica_context()
            own = context.all_reduce(tf.distribute.ReduceOp.SUM, own)
        return own

    def _sample(self, gradients):
        """Values of the trained variables and of their gradients, for histograms."""
        values = {v.path: v.value for v in self.variables}
        values |= {f"{path}/gradient": gradient for path, gradient in gradients.items()}
        return {name: _thinned(tf.convert_to_tensor(array)) for name, array in values.items()}


def _thinned(array):
    """All values of a tensor, or every n-th one of a large tensor: `[up to WATCHED]` float32."""
    every = -(-array.shape.num_elements() // WATCHED)
    return tf.cast(tf.reshape(array, [-1])[::every], tf.float32)
