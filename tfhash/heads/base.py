"""What every head says: its layers, its codes, what queries are, and what a test compares."""

import abc
import typing

from tfhash.retrieval import floats


class Comparison(typing.NamedTuple):
    """The codes of a database, and what their `distances` takes of the queries."""

    codes: typing.Any
    queries: typing.Any


class Head(abc.ABC):
    """A kind of code.

    Attributes:
        missing: how a query without a relevant item counts in an mAP: "zero", or left out: "skip".
        layer_names: of the Keras layers that `layers` made.
        best_by: the metric of `validate` by which the best weights are kept; None for the last.
        own: of `comparisons`, that of the codes with `queries`, as a search compares them.

    Args:
        linear: makes the linear layer behind the features: `() -> keras.layers.Layer`.
        activation: raw outputs `[batch, dim]` -> outputs; None leaves them.
    """

    missing = "zero"
    best_by = None
    own = "mAP"
    layer_names = ()

    def __init__(self, linear, *, activation=None):
        self.linear = linear
        self.activation = activation

    def layers(self, features):
        """Keras tensor `[batch, width]` -> the raw outputs, a structure of Keras tensors."""
        layer = self.linear()
        self.layer_names = (layer.name,)
        return layer(features)

    def owns(self, path):
        """Whether the variable at `path`, such as dense/kernel, is of the head's layers."""
        return path.split("/")[0] in self.layer_names

    def build_weights(self):
        """`{name: keras.Variable}` that belong to the codes; made after the network."""
        return {}

    def outputs(self, raw):
        """What the network returned -> the `[batch, dim]` outputs that become codes."""
        return raw if self.activation is None else self.activation(raw)

    def embed(self, network, images, training=False):
        """Prepared images -> outputs `[batch, dim]`."""
        return self.outputs(network(images, training=training))

    @abc.abstractmethod
    def codes(self, outputs):
        """The codes of `[n, dim]` outputs; a kind of tfhash/retrieval/codes.py."""

    def indexed(self, outputs):
        """As `codes`, but the code of an item does not depend on what the others are."""
        return self.codes(outputs)

    def features(self, outputs):
        """`FloatCodes` of `[n, dim]` outputs, by which items that codes find are ranked again."""
        return floats.FloatCodes(outputs)

    def queries(self, outputs):
        """What `distances` of these codes takes of the `[n, dim]` outputs of queries."""
        return outputs

    def comparisons(self, query, database, codes):
        """`{metric: Comparison}`, each an mAP that a test prints, the first the method's own.

        Args:
            query, database: `Encoded`.
            codes: of the database.
        """
        return {"mAP": Comparison(codes, self.queries(query.outputs))}

    def evaluate(self, query, database, codes, scoring):
        """`{metric: value}` of a test; "mAP" of every method is that of its codes.

        Args:
            query, database, codes: as in `comparisons`.
            scoring: a `Scoring` of tfhash/evaluation/scoring.py.
        """
        found = {
            name: scoring.mean_average_precision(*one, query, database, missing=self.missing)
            for name, one in self.comparisons(query, database, codes).items()
        }
        return {"mAP": found[self.own]} | found

    def validate(self, query, database, codes, scoring):
        """The metrics of a validation during training: `evaluate`, on images held out."""
        return self.evaluate(query, database, codes, scoring)
