"""Bits: whether an output is 0 or more."""

from tfhash.heads import base
from tfhash.retrieval import codes as kinds


class Signs(base.Head):
    """Codes of the signs of the outputs, sign(0) = +1, compared by their Hamming distance.

    Args:
        linear, activation: as in `Head`.
        by_codes: name of the mAP by the codes.
        by_outputs: name of the mAP by the inner product of the outputs; None takes none.
        radius: bits, of the ball whose precision, recall and mAP a test prints too; None for none.
        missing: as in `Head`.
        training: encodes in training mode, by the statistics of the batch at hand.
    """

    def __init__(
        self,
        linear,
        *,
        activation=None,
        by_codes="mAP",
        by_outputs=None,
        radius=None,
        missing="zero",
        training=False,
    ):
        super().__init__(linear, activation=activation)
        self.by_codes, self.by_outputs, self.own = by_codes, by_outputs, by_codes
        self.radius, self.missing, self.training = radius, missing, training

    def embed(self, network, images, training=False):
        return super().embed(network, images, training or self.training)

    def codes(self, outputs):
        return kinds.BinaryCodes.from_signs(outputs)

    def queries(self, outputs):
        return self.codes(outputs)

    def comparisons(self, query, database, codes):
        compared = {}
        if self.by_outputs:
            features = kinds.FloatCodes(database.outputs)
            compared[self.by_outputs] = base.Comparison(features, query.outputs)
        return compared | {self.by_codes: base.Comparison(codes, self.queries(query.outputs))}

    def evaluate(self, query, database, codes, scoring):
        """mAP, and what lies within the ball, ranked by the inner product of the outputs."""
        metrics = super().evaluate(query, database, codes, scoring)
        if self.radius is None:
            return metrics
        features = kinds.FloatCodes(database.outputs), kinds.FloatCodes(query.outputs)
        signs = codes, self.queries(query.outputs)
        ranked = [kinds.RerankedCodes(*pair) for pair in zip(signs, features)]
        return metrics | scoring.within_radius(*ranked, query, database, radius=self.radius)
