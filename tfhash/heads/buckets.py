"""Hash tables: an item lies in some buckets; the embedding ranks what a query finds in them."""

import numpy as np

from tfhash.evaluation import table_scoring
from tfhash.heads import base
from tfhash.lazy import tf
from tfhash.retrieval import codes as kinds
from tfhash.retrieval import table


class Embedding(base.Head):
    """Floats, compared by Euclidean distance, with the measures of the original's metric stage.

    Args:
        linear: as in `Head`.
        test_train: whether a test compares queries with the database too, not only with each
            other.
    """

    best_by = "precision@1"

    def __init__(self, linear, *, test_train):
        super().__init__(linear)
        self.test_train = test_train

    def codes(self, outputs):
        return kinds.FloatCodes(outputs, "euclidean")

    def features(self, outputs):
        return kinds.FloatCodes(outputs, "euclidean")

    def part(self, encoded):
        """The `table_scoring.Part` of an `Encoded`."""
        return table_scoring.Part(encoded.outputs, encoded.labels)

    def entries(self, query, database):
        """`{entry of the original: value or [value for each count]}` of two `Encoded`."""
        train = self.part(database) if self.test_train else None
        return table_scoring.of_embedding(self.part(query), train)

    def evaluate(self, query, database, codes, scoring):
        """The original's entries, a value for each count, and mAP."""
        precision = super().evaluate(query, database, codes, scoring)
        return table_scoring.flat(self.entries(query, database)) | precision

    def validate(self, query, database, codes, scoring):
        """mAP, and of the queries against each other what the original watches in training."""
        precision = base.Head.evaluate(self, query, database, codes, scoring)
        return precision | (self.watched(self.part(query)) if len(query.outputs) > 1 else {})

    def watched(self, part):
        """`{metric: value}` of the items of a `table_scoring.Part` against each other."""
        return {"precision@1": table_scoring.of_embedding(part)["te_te_precision_at_k"][0]}


class Buckets(Embedding):
    """`active` buckets of an item, the largest of its values, beside an embedding that is fixed.

    The outputs are the values of the buckets, then the embedding: `[batch, buckets + width]`.

    Args:
        linear, test_train: as in `Embedding`.
        buckets: of the table.
        active: buckets of an item.
        metric: makes the network of the embedding: `() -> keras.Model`.
    """

    def __init__(self, linear, *, test_train, buckets, active, metric):
        super().__init__(linear, test_train=test_train)
        self.buckets, self.active, self._metric = buckets, active, metric

    def build_weights(self):
        self.metric = self._metric()
        self.metric.trainable = False
        return {f"metric/{v.path}": v for v in self.metric.variables}

    def embed(self, network, images, training=False):
        values = super().embed(network, images, training)
        return tf.concat([values, self.metric(images, training=False)], axis=1)

    def codes(self, outputs):
        return table.TableCodes.from_values(*self._split(outputs), self.active)

    def features(self, outputs):
        return super().features(self._split(outputs)[1])

    def _split(self, outputs):
        """The values of the buckets, and the embedding."""
        return np.split(outputs, [self.buckets], axis=1)

    def part(self, encoded):
        values, vectors = self._split(encoded.outputs)
        return table_scoring.Part(vectors, encoded.labels, values)

    def entries(self, query, database):
        test, train = self.part(query), self.part(database) if self.test_train else None
        return table_scoring.of_table(self.active, test, test, train)

    def watched(self, part):
        return table_scoring.validation(self.active, part)
