"""Runs the project's own training step on given batches, for comparison with an original's."""

import keras
import tensorflow as tf

from tfhash.training.step import Step


class Steps:
    """Steps of a `Method` on batches that a test prepares, one after another.

    Args:
        recipe: the `Method`; its state must be there, where it has one.
        labels: `[n, classes]` of the images that `positions` count, or None where a batch has
            labels of its own.
    """

    def __init__(self, recipe, labels=None):
        self.recipe, self.labels = recipe, labels
        variables = [v for v in recipe.variables().values() if v.trainable]
        self.optimizer = recipe.optimizer()
        self.optimizer.build(variables)
        strategy = tf.distribute.get_strategy()
        self.step = Step(recipe, self.optimizer, variables, strategy)

    def __call__(self, images, positions=None, labels=None):
        """The `Outcome` of a step.

        Args:
            images: `{stream: prepared images [batch, ...]}`, or those of the only stream.
            positions: `{stream: [batch]}` or `[batch]`; None for 0, 1, 2 and so on.
            labels: `{stream: [batch, classes]}` or `[batch, classes]`; None for those at the
                positions.
        """
        images, positions, labels = (self._by_stream(v) for v in (images, positions, labels))
        batch = {}
        for name, values in images.items():
            rows = positions.get(name, range(len(values)))
            known = labels[name] if name in labels else self.labels[list(rows)]
            batch[name] = {
                "images": tf.convert_to_tensor(values),
                "labels": tf.cast(known, tf.float32),
                "positions": tf.constant(list(rows), tf.int64),
            }
        return self.step(batch)

    def _by_stream(self, values):
        if values is None:
            return {}
        return values if isinstance(values, dict) else {self.recipe.streams[0]: values}


def without_dropout(recipe):
    """Sets the rate of every layer of dropout of a `Method`'s network to 0, as goldens do."""
    for layer in recipe.network.layers:
        if isinstance(layer, keras.layers.Layer) and hasattr(layer, "rate"):
            layer.rate = 0.0
    return recipe
