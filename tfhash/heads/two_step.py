"""Latent bits beside the features they are made of: searched from coarse (bits) to fine."""

import dataclasses

import numpy as np

from tfhash.heads import base
from tfhash.lazy import keras, tf
from tfhash.metrics import average_precision
from tfhash.retrieval import codes as kinds
from tfhash.retrieval import relevance, two_step

MULTI_LABEL = ("last", "all")


class TwoStep(base.Head):
    """A narrow sigmoid layer before a classifier's logits; bits are its values over 1/2.

    The network returns {"features", "latent", "logits"}; the outputs for retrieval are features
    and latent values side by side, `[batch, width + bits]`.

    Args:
        bits: width of the latent layer.
        classes: number of logits.
        threshold: bits; the search takes items within this Hamming distance.
        k: items that a search finds.
        multi_label: which of several classes of an image count; one of `MULTI_LABEL`.
        dtype: of the two layers.
    """

    def __init__(self, *, bits, classes, threshold, k, multi_label, dtype):
        super().__init__(None)
        self.bits, self.classes, self.dtype = bits, classes, dtype
        self.threshold, self.k, self.multi_label = threshold, k, multi_label

    layer_names = ("fclat", "fc8")

    def layers(self, features):
        # The original draws the biases like the weights.
        start = {"kernel_initializer": "glorot_uniform", "bias_initializer": "glorot_uniform"}
        options = {"dtype": self.dtype} | start
        latent = keras.layers.Dense(
            self.bits, activation="sigmoid", name=self.layer_names[0], **options
        )
        self.classifier = keras.layers.Dense(self.classes, name=self.layer_names[1], **options)
        values = latent(features)
        return {"features": features, "latent": values, "logits": self.classifier(values)}

    def outputs(self, raw):
        wide = raw["latent"].dtype
        return tf.concat([tf.cast(raw["features"], wide), raw["latent"]], axis=1)

    def codes(self, outputs):
        # 0.5 is bit 0, as TensorFlow rounds it.
        return kinds.BinaryCodes.from_bits(self._latent(outputs) > 0.5)

    def queries(self, outputs):
        return self.codes(outputs)

    def _latent(self, outputs):
        return outputs[:, -self.bits :]

    def features(self, outputs):
        return kinds.FloatCodes(outputs[:, : -self.bits], "euclidean")

    def _both(self, outputs):
        return kinds.RerankedCodes(self.codes(outputs), self.features(outputs))

    def targets(self, labels):
        """`[n, classes]` 0/1 -> rows of sum 1: what the classifier should say."""
        if self.multi_label == "last":
            return last_class(labels)
        return labels / tf.maximum(tf.reduce_sum(labels, axis=1, keepdims=True), 1)

    def evaluate(self, query, database, codes, scoring):
        """The precision of the search from coarse to fine, which the original prints as its
        accuracy; mAP by the Hamming distance; the classifier's accuracy on the queries."""
        query, database = (self._labelled(part) for part in (query, database))
        metrics = {"search_precision": self._search_precision(query, database, scoring)}
        return metrics | super().evaluate(query, database, codes, scoring) | self._accuracy(query)

    def _search_precision(self, query, database, scoring):
        both = [self._both(part.outputs) for part in (database, query)]
        listed = two_step.search(*both, self.threshold, self.k)
        labels = (query.labels, database.labels)
        if scoring.relevant is not None:
            labels = (scoring.relevant, None)
        return listed_precision(listed, relevance.Relevance(*labels))

    def _labelled(self, part):
        """`Encoded` with the classes that count."""
        if self.multi_label == "all":
            return part
        labels = last_class(part.labels).numpy()
        return dataclasses.replace(part, labels=labels)

    def _accuracy(self, query):
        """The classifier's accuracy; nothing on a dataset of other classes."""
        if query.labels.shape[1] != self.classes:
            return {}
        last = self.classifier
        logits = self._latent(query.outputs) @ last.kernel.numpy() + last.bias.numpy()
        return {"accuracy": float(accuracy(logits, self.targets(query.labels)))}


def last_class(labels):
    """`[n, classes]` 0/1 -> the same with only the last class of each row.

    Original: model/datagenerator/input_parser.py, __str_to_int.
    """
    after = tf.cumsum(labels, axis=1, exclusive=True, reverse=True)
    return tf.where(after > 0, tf.zeros_like(labels), labels)


def accuracy(logits, targets):
    """Share of the rows whose largest logit is of the class, or one of the classes, wanted."""
    chosen = tf.argmax(logits, axis=1)
    right = tf.gather(targets, chosen, axis=1, batch_dims=1) > 0
    return tf.reduce_mean(tf.cast(right, tf.float32))


def listed_precision(listed, relevant):
    """Mean over the queries of the mean, over the items listed, of precision at rank x relevance.

    The sum is divided by the number of items listed, not of relevant ones as in average
    precision; a query that finds nothing counts 0.

    Args:
        listed: the positions that each query finds, in their order.
        relevant: a `Relevance`.
    Original: validation_function.py, reli.
    """
    ranks = [np.flatnonzero(relevant.row(row)[items]) for row, items in enumerate(listed)]
    each = average_precision.average_precision(ranks, total=np.array([len(n) for n in listed]))
    return float(np.nan_to_num(each).mean())
